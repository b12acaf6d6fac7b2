"""The reader of logs takes any bytes."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from voicebot.keeping.reading import LONGEST_LINE, MAX_PROBLEMS, read_lines
from voicebot.keeping.schema import AuditLine


def line(n: int, text: str = "hello") -> bytes:
    made = AuditLine(n=n, call="c", t_s=n / 10, name="agent_clause", turn=1, data={"text": text})
    return json.dumps(made.model_dump(), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


WHOLE = [line(n) for n in range(5)]


@given(st.binary(max_size=4_000))
def test_any_bytes_are_read(data: bytes) -> None:
    log = read_lines(io.BytesIO(data))
    ended = data.count(b"\n")
    assert len(log.lines) + sum(problem.what[:2] != "it" for problem in log.problems) == ended
    assert log.torn == bool(data and not data.endswith(b"\n"))


@given(st.lists(st.text(), max_size=8))
def test_what_was_written_is_read(texts: list[str]) -> None:
    log = read_lines(io.BytesIO(b"".join(line(n, text) for n, text in enumerate(texts))))
    assert log.whole
    assert not log.torn
    assert [one.data["text"] for one in log.lines] == texts


@given(st.integers(0, len(b"".join(WHOLE))))
def test_a_log_cut_anywhere_loses_its_last_line_alone(size: int) -> None:
    data = b"".join(WHOLE)[:size]
    log = read_lines(io.BytesIO(data))
    assert log.whole
    assert [one.n for one in log.lines] == list(range(data.count(b"\n")))
    assert log.torn == (not data.endswith(b"\n") and size > 0)


@given(st.integers(0, 4), st.binary(max_size=200).filter(lambda data: b"\n" not in data))
def test_a_foreign_line_costs_itself_alone(place: int, foreign: bytes) -> None:
    log = read_lines(io.BytesIO(b"".join([*WHOLE[:place], foreign + b"\n", *WHOLE[place:]])))
    assert [one.n for one in log.lines] == [0, 1, 2, 3, 4]
    assert [problem.line for problem in log.problems] == [place + 1]


def test_a_missing_line_is_noticed() -> None:
    log = read_lines(io.BytesIO(b"".join([WHOLE[0], WHOLE[1], WHOLE[4]])))
    assert [(problem.line, problem.what) for problem in log.problems] == [
        (3, "it says that it is line 4; 2 should follow")
    ]


def test_a_huge_line_is_skipped_and_not_held() -> None:
    class Endless(io.RawIOBase):
        """Gives a line of 64 MB, and counts the largest piece that is asked for."""

        def __init__(self) -> None:
            self.largest, self.left, self.rest = 0, 64 * 1024 * 1024, [b"\n", *WHOLE]

        def readable(self) -> bool:
            return True

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size > 0
            self.largest = max(self.largest, size)
            if self.left > 0:
                self.left -= size
                return b"x" * size
            data, self.rest = self.rest[:1], self.rest[1:]
            return data[0] if data else b""

    file = Endless()
    log = read_lines(file)  # type: ignore[arg-type]
    assert [one.n for one in log.lines] == [0, 1, 2, 3, 4]
    assert [problem.line for problem in log.problems] == [1]
    assert file.largest == LONGEST_LINE + 1


def test_another_version_is_said_to_be_one() -> None:
    other = json.loads(WHOLE[0]) | {"v": 2}
    log = read_lines(io.BytesIO(json.dumps(other).encode() + b"\n"))
    assert log.lines == []
    assert log.problems[0].what.startswith("v:")


def test_problems_are_described_up_to_a_number() -> None:
    log = read_lines(io.BytesIO(b"nothing\n" * (MAX_PROBLEMS + 50)))
    assert (len(log.problems), log.more_problems) == (MAX_PROBLEMS, 50)
