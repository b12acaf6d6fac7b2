"""A person ends a call: the supervisor tells the worker that holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.supervising.test_supervisor import WARM, Running

from voicebot.events import CallEnded, CallStarted
from voicebot.supervising import process, reaping
from voicebot.supervising.messages import CallEvent, Free, HangUp, line_of, order_line, parse_order

CALL = f"os.write(1, {line_of(CallEvent('a1', CallStarted(1.0, 'a1')))!r})\n"
OVER = f"os.write(1, {line_of(CallEvent('a1', CallEnded(2.0, 'hung_up')))!r} + {line_of(Free())!r})\n"


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TERM_GRACE_S", 0.3)
    monkeypatch.setattr(process, "LAST_WORDS_S", 0.3)


def run(running: Running, when: Callable[[], object], then: Callable[[], object]) -> None:
    """Runs it until `when`, does `then`, and stops it when it has shown what that came to."""

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(running.supervisor.run())
            await running.until(when)
            done = then()
            await running.until(lambda: done() if callable(done) else True)
            running.supervisor.stop()
            async with asyncio.timeout(30):
                await serving

    asyncio.run(main())
    assert running.nobody_is_left()


@pytest.mark.parametrize("goodbye", [True, False])
def test_the_worker_is_told_and_goes_on(tmp_path: Path, goodbye: bool) -> None:
    order = order_line(HangUp("a1", goodbye)).decode()
    script = f"{WARM}{CALL}for line in sys.stdin:\n    if line == {order!r}: {OVER}"
    running = Running(tmp_path, script)
    states: list[list[str]] = []
    operations = running.supervisor.operations

    def hang_up() -> Callable[[], bool]:
        states.append(list(running.supervisor.workers()))
        assert operations.calls_on == 1
        assert running.supervisor.hang_up("a1", goodbye=goodbye)
        assert not running.supervisor.hang_up("b2", goodbye=goodbye)
        return lambda: len(running.events) == 2 and operations.calls_on == 0

    run(running, lambda: running.events, hang_up)
    assert states == [["on_call"]]
    assert [type(event) for _, event in running.events] == [CallStarted, CallEnded]
    assert len(running.started()) == 1
    assert running.lines == []


def test_a_worker_that_does_not_hang_up_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaping, "END_WITHIN_S", 0.05)
    running = Running(tmp_path, f"{WARM}{CALL}time.sleep(600)\n")

    def hang_up() -> Callable[[], bool]:
        running.supervisor.hang_up("a1", goodbye=False)
        # Asked again, it has no more time for that.
        running.supervisor.hang_up("a1", goodbye=False)
        return lambda: len(running.lines) >= 2

    run(running, lambda: running.events, hang_up)
    assert running.lines[0] == "call worker 1 is killed: it has not hung up within 0.05 s"


@given(st.text(), st.booleans())
def test_an_order_is_one_line_whatever_the_call_is_called(call_id: str, goodbye: bool) -> None:
    line = order_line(HangUp(call_id, goodbye))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_order(line) == HangUp(call_id, goodbye)


@given(st.binary())
def test_other_lines_are_none(line: bytes) -> None:
    assert parse_order(line) is None
    assert parse_order(b"no more\n") is parse_order(b"[" * 100_000) is None
