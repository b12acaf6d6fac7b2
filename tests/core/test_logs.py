"""What the log says of calls."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from voicebot.errors import VoicebotError
from voicebot.logs import in_call, in_turn, log_to_stderr, stderr_line
from voicebot.watchdog import run

log = logging.getLogger("an.engine")


@contextmanager
def logging_as(level: str, form: str) -> Iterator[None]:
    """As the command line does, without pytest's own handlers, which come with the test."""
    root = logging.getLogger()
    handlers, old_level = root.handlers, root.level
    root.handlers = []
    try:
        log_to_stderr(level, form)
        yield
    finally:
        root.handlers = handlers
        root.setLevel(old_level)


def entries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


async def engine(turn_id: int) -> None:
    """Logs in the event loop, in two kinds of threads, and in a task."""
    with in_turn(turn_id):
        log.warning("in the loop")
        await asyncio.to_thread(log.warning, "in a thread")
        await asyncio.get_running_loop().run_in_executor(None, log.warning, "in another")
        task = asyncio.get_running_loop().create_task(later())
    await task


async def later() -> None:
    log.warning("in a task")


async def two_calls() -> None:
    with in_call("c1"):
        await asyncio.gather(engine(1), engine(2))
        log.warning("between turns")
    with in_call("c2"):
        await engine(1)
    log.warning("between calls")


def test_records_are_of_their_call_and_turn(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("", "json"):
        run(two_calls())
    found = [(entry.get("call_id"), entry.get("turn_id"), entry["message"]) for entry in entries(capsys)]
    turns = (("c1", 1), ("c1", 2), ("c2", 1))
    places = ("in the loop", "in a thread", "in another", "in a task")
    expected: list[tuple[object, ...]] = [(*turn, place) for turn in turns for place in places]
    expected += [("c1", None, "between turns"), (None, None, "between calls")]
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert found[-1] == (None, None, "between calls")


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    before = datetime.now(UTC)
    with logging_as("info", "json"):
        try:
            raise ValueError("first line\nsecond line")
        except ValueError:
            log.exception("failed on %r and \u2028 \udc80", "a\nb")
        log.debug("not from this level on")
    after = datetime.now(UTC)
    [entry] = entries(capsys)
    exception = str(entry.pop("exception"))
    assert exception.startswith("Traceback")
    assert exception.endswith("ValueError: first line\nsecond line")
    written = datetime.fromisoformat(str(entry.pop("time")))
    assert before - timedelta(milliseconds=1) < written <= after  # it is cut off to milliseconds
    assert entry == {
        "level": "ERROR",
        "logger": "an.engine",
        "message": "failed on 'a\\nb' and \u2028 \udc80",
    }


def test_text_names_them_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("warning", ""):
        with in_call("c1"):
            log.warning("before")
            with in_turn(3):
                log.warning("in it")
        log.warning("after")
    said = [line.split("WARNING ")[1] for line in capsys.readouterr().err.splitlines()]
    assert said == ["an.engine: [c1] before", "an.engine: [c1 turn 3] in it", "an.engine: after"]


def test_lines_that_are_no_records_take_the_logs_form() -> None:
    line = "call worker 2 ended (signal 9)"
    assert stderr_line(line) == line
    with logging_as("", "json"):
        entry = json.loads(stderr_line(line))
        assert (entry["level"], entry["logger"], entry["message"]) == ("WARNING", "voicebot", line)
        written = json.dumps(entry)
        assert stderr_line(written) == written
        assert json.loads(stderr_line("17"))["message"] == "17"


@pytest.mark.parametrize(
    ("level", "form", "said"),
    [
        ("verbose", "", "VOICEBOT_LOG: there is no log level 'verbose'"),
        ("info", "xml", "VOICEBOT_LOG_FORMAT: there is no log format 'xml'"),
    ],
)
def test_what_there_is_not_is_named(level: str, form: str, said: str) -> None:
    with pytest.raises(VoicebotError, match=said), logging_as(level, form):
        pass
