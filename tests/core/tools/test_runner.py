"""Calling tools: at once, with deadlines, in threads, and whatever they do wrong."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.core.tools.scripted import call

from voicebot.clock import now
from voicebot.interfaces import ToolCall
from voicebot.testing import run_virtual
from voicebot.tools import Tool, ToolCallSettings, ToolError, ToolEvent, ToolRunner, tool_from
from voicebot.tools.runner import MAX_ABANDONED, MAX_CALLS
from voicebot.tools.threads import DaemonThreads, ThreadsBusy

ROOM = contextvars.ContextVar("ROOM", default="nowhere")


class Calls:
    """Runs calls, and keeps the results in the order in which they came."""

    def __init__(self, *tools: Tool | Callable[..., Any], **settings: Any) -> None:
        made = [tool if isinstance(tool, Tool) else tool_from(tool) for tool in tools]
        self.runner = ToolRunner(made, ToolCallSettings(**settings))
        self.results: dict[int, str] = {}
        self.events: list[ToolEvent] = []

    async def run(self, calls: Sequence[ToolCall]) -> Calls:
        await self.runner.run(calls, self.results.__setitem__, self.events.append)
        return self

    @property
    def problems(self) -> list[str]:
        return [event.problem for event in self.events]


async def wait(seconds: float) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return f"waited {seconds:g}"


def waits(*seconds: float) -> list[ToolCall]:
    return [call("wait", f'{{"seconds": {s}}}') for s in seconds]


def test_the_calls_of_a_message_run_at_once() -> None:
    async def main() -> tuple[Calls, float]:
        return await Calls(wait).run(waits(3, 1, 2)), now()

    calls, took_s = run_virtual(main())
    assert list(calls.results.items()) == [(1, "waited 1"), (2, "waited 2"), (0, "waited 3")]
    assert took_s == pytest.approx(3)
    assert [round(event.ms) for event in calls.events] == [1000, 2000, 3000]
    assert all(event.ok and event.name == "wait" for event in calls.events)


def test_only_so_many_run_at_once_and_a_wait_for_room_is_none_of_a_calls_time() -> None:
    async def main() -> tuple[Calls, float]:
        return await Calls(wait, at_once=2, deadline_s=1.5).run(waits(1, 1, 1, 1)), now()

    calls, took_s = run_virtual(main())
    assert took_s == pytest.approx(2)
    assert calls.problems == [""] * 4
    assert [round(event.ms) for event in calls.events] == [1000] * 4


def test_one_message_makes_only_so_many_calls() -> None:
    calls = run_virtual(Calls(wait).run(waits(*[0.1] * (MAX_CALLS + 2))))
    assert sorted(calls.problems) == [""] * MAX_CALLS + ["too_many"] * 2
    assert calls.results[MAX_CALLS].startswith("Error: not called")


def test_a_tool_that_takes_too_long_is_cancelled_and_the_model_told(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[float] = []

    async def slow() -> None:
        """Take for ever."""
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(now())

    async def main() -> Calls:
        tools = (tool_from(slow, origin="test", deadline_s=0.5), tool_from(wait))
        return await Calls(*tools, deadline_s=3).run([call("slow"), *waits(4, 2)])

    calls = run_virtual(main())
    assert ended == [pytest.approx(0.5)]
    assert calls.results == {
        0: "Error: the tool gave no result within 0.5 s.",
        1: "Error: the tool gave no result within 3 s.",
        2: "waited 2",
    }
    assert calls.problems == ["deadline", "", "deadline"]
    assert "the tool 'slow' of test had no result within 0.5 s" in caplog.text
    assert calls.runner.abandoned == 0


def test_a_tool_that_is_stubborn_at_its_deadline_is_late_all_the_same() -> None:
    async def stubborn() -> None:
        """Answer an exception with another."""
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            raise RuntimeError("no") from None

    calls = run_virtual(Calls(stubborn, deadline_s=1).run([call("stubborn")]))
    assert calls.problems == ["deadline"]


def raising(error: BaseException) -> Callable[[], Any]:
    async def look() -> None:
        """Look."""
        raise error

    return look


def raising_in_a_thread(error: BaseException) -> Callable[[], Any]:
    def look() -> None:
        """Look."""
        raise error

    return look


SECRET = "https://api.example/?key=s3cr3t"


@pytest.mark.parametrize("make", [raising, raising_in_a_thread])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ToolError("there is no\ncity of that name"), "Error: there is no city of that name"),
        (ToolError(""), "Error: the tool failed"),
        (ToolError("x" * 1000), "Error: " + "x" * 299 + "…"),
        (ValueError(SECRET), "Error: the tool failed (ValueError)."),
        (TimeoutError(SECRET), "Error: the tool failed (TimeoutError)."),
        (SystemExit(2), "Error: the tool failed (SystemExit)."),
        (asyncio.CancelledError(), "Error: the tool failed (CancelledError)."),
        (StopIteration(3), "Error: the tool failed (RuntimeError)."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_are_told_in_short_and_stop_nothing(
    make: Callable[[BaseException], Callable[[], Any]], error: BaseException, told: str
) -> None:
    calls = run_virtual(Calls(make(error), wait).run([call("look"), *waits(1)]))
    assert calls.results == {0: told, 1: "waited 1"}
    assert calls.problems == ["failed", ""]


def test_the_log_has_what_the_model_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    run_virtual(Calls(tool_from(raising(ValueError("at noon")), origin="shop 1.0")).run([call("look")]))
    assert "the tool 'look' of shop 1.0 failed" in caplog.text
    assert "ValueError: at noon" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_result_that_cannot_be_told_is_a_failure() -> None:
    async def strange() -> object:
        """Give an object."""
        return object()

    calls = run_virtual(Calls(strange).run([call("strange")]))
    assert calls.results[0].startswith("Error: the tool failed (")


def test_unknown_tools_and_wrong_arguments_are_told() -> None:
    calls = run_virtual(Calls(wait).run([call("fly" * 99), call("wait", '{"seconds": "soon"}')]))
    assert calls.results[0].endswith("there are: wait")
    assert calls.results[1].startswith("Error: wrong arguments: seconds: Input should be a valid number")
    assert calls.problems == ["unknown_tool", "arguments"]
    assert max(len(event.name) for event in calls.events) == 64


def test_long_results_are_cut() -> None:
    async def recite() -> str:
        """Recite."""
        return "la " * 1000

    calls = run_virtual(Calls(recite, max_result_chars=100).run([call("recite")]))
    assert calls.results[0].endswith("… (cut off: 3,000 characters in all)")


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_cancelling_cancels_all_and_keeps_what_is_there() -> None:
    async def main() -> Calls:
        calls = Calls(wait, at_once=2)
        task = asyncio.create_task(calls.run(waits(1, 50, 50, 50)))
        await asyncio.sleep(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return calls

    calls = run_virtual(main())  # which fails where a task is left
    assert calls.results == {0: "waited 1"}
    assert calls.problems == ["", "cancelled", "cancelled"]


# --- threads ----------------------------------------------------------------------------------------------------------


def test_a_plain_function_runs_in_a_thread_of_its_own() -> None:
    threads: list[threading.Thread] = []

    def where() -> str:
        """Say where."""
        threads.append(threading.current_thread())
        return ROOM.get()

    async def main() -> Calls:
        ROOM.set("here")
        return await Calls(where).run([call("where")])

    assert run_virtual(main()).results == {0: "here"}
    assert threads[0] is not threading.main_thread()
    assert threads[0].daemon


def test_two_plain_functions_block_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet() -> str:
        """Wait for the other."""
        both.wait()
        return "met"

    calls = run_virtual(Calls(meet).run([call("meet"), call("meet")]))
    assert calls.results == {0: "met", 1: "met"}


def test_a_plain_function_that_makes_a_coroutine_is_told_apart() -> None:
    def look() -> Any:
        """Look."""
        return wait(1)

    assert run_virtual(Calls(look).run([call("look")])).results == {0: "Error: the tool failed (TypeError)."}


class Stuck:
    """A tool that blocks until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()

    def block(self) -> str:
        """Block."""
        self.begun.release()
        self.let_go.wait(10)
        return "too late"


def test_a_thread_that_overruns_is_abandoned_and_counted_and_at_last_refused() -> None:
    stuck = Stuck()
    try:
        calls = Calls(stuck.block, at_once=1, deadline_s=0.01)
        run_virtual(calls.run([call("block")] * (MAX_ABANDONED + 3)))
    finally:
        stuck.let_go.set()
    assert calls.problems == ["deadline"] * (MAX_ABANDONED + 1) + ["busy"] * 2
    assert calls.runner.abandoned == MAX_ABANDONED + 1
    assert calls.results[0] == "Error: the tool gave no result within 0.01 s."
    assert calls.results[MAX_ABANDONED + 2] == "Error: the tool is busy."


def test_cancelling_does_not_wait_for_a_thread() -> None:
    stuck = Stuck()

    async def main() -> Calls:
        calls = Calls(stuck.block)
        task = asyncio.create_task(calls.run([call("block")]))
        await asyncio.to_thread(stuck.begun.acquire)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not stuck.let_go.is_set()
        return calls

    try:
        calls = run_virtual(main())
    finally:
        stuck.let_go.set()
    assert calls.runner.abandoned == 1
    assert calls.problems == ["cancelled"]
    assert not calls.results


def test_threads_are_counted_until_they_end() -> None:
    threads, stuck = DaemonThreads(2), Stuck()
    jobs = [threads.submit(stuck.block) for _ in range(2)]
    assert threads.running == 2
    with pytest.raises(ThreadsBusy):
        threads.submit(stuck.block)
    stuck.let_go.set()
    assert [job.result(10) for job in jobs] == ["too late"] * 2
    assert threads.running == 0
    assert threads.submit(pow, 2, 5).result(10) == 32
    assert isinstance(threads.submit(divmod, 1, 0).exception(10), ZeroDivisionError)
