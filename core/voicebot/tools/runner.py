"""Calling tools: those of one message at once, each with its deadline, and whatever goes wrong told to the model."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from voicebot.clock import now
from voicebot.interfaces import ToolCall
from voicebot.settings import ToolCallSettings
from voicebot.tasks import task_group
from voicebot.tools.errors import BadArguments, ToolError
from voicebot.tools.spec import Tool, result_text, shortened
from voicebot.tools.threads import DaemonThreads, ThreadsBusy

__all__ = ["MAX_ABANDONED", "MAX_CALLS", "Problem", "ToolEvent", "ToolRunner"]

MAX_CALLS = 16
"""Calls of one message that are made; the model is told that the others were not."""
MAX_ABANDONED = 8
"""Threads that may still run although nobody waits for them; with more, tools that need a thread are refused."""

Problem = Literal["", "unknown_tool", "arguments", "failed", "deadline", "busy", "too_many", "cancelled"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ToolEvent:
    """A tool was called."""

    name: str
    """As the model wrote it, 64 characters at most."""
    ms: float
    """How long the call took."""
    problem: Problem
    """Why it has no result; "" where it has one."""

    @property
    def ok(self) -> bool:
        return not self.problem


class ToolRunner:
    """Calls tools, for as many answers as there are.

    Coroutine functions run on the event loop, others each in a thread. A thread cannot be stopped: one that overruns
    its deadline, or whose call is cancelled, is abandoned and counted; at the end of the process nobody waits for it.

    Attributes:
        specs: what the model is told of the tools.
        abandoned: threads that were given up, in all.
    """

    def __init__(self, tools: Sequence[Tool], settings: ToolCallSettings) -> None:
        self.settings = settings
        self.specs = tuple(tool.spec for tool in tools)
        self.abandoned = 0
        self._tools = {tool.spec.name: tool for tool in tools}
        self._threads = DaemonThreads(settings.at_once + MAX_ABANDONED)

    def filler(self, calls: Sequence[ToolCall], default: str) -> str:
        """What to say while these run: the text of the first that has one of its own, else the default."""
        tools = (self._tools.get(call.name) for call in calls)
        return next((tool.filler for tool in tools if tool and tool.filler is not None), default)

    async def run(
        self,
        calls: Sequence[ToolCall],
        on_result: Callable[[int, str], None],
        on_tool: Callable[[ToolEvent], None] = lambda event: None,
    ) -> None:
        """Make these calls, and return when all have a result; cancelling this cancels them.

        Args:
            on_result: called with a call's index and what the model is told, as each is done.
            on_tool: called about each, right after that.
        """
        room = asyncio.Semaphore(self.settings.at_once)
        async with task_group() as group:
            for index, call in enumerate(calls):
                group.create_task(
                    self._make(index, call, room, on_result, on_tool), name=f"tool {call.name[:64]}"
                )

    async def _make(
        self,
        index: int,
        call: ToolCall,
        room: asyncio.Semaphore,
        on_result: Callable[[int, str], None],
        on_tool: Callable[[ToolEvent], None],
    ) -> None:
        async with room:
            began_s = now()
            problem: Problem = "cancelled"
            try:
                if index < MAX_CALLS:
                    text, problem = await self._attempt(call)
                else:
                    text, problem = f"Error: not called: more than {MAX_CALLS} calls at once.", "too_many"
                on_result(index, text)
            finally:
                on_tool(ToolEvent(call.name[:64], (now() - began_s) * 1000, problem))

    async def _attempt(self, call: ToolCall) -> tuple[str, Problem]:
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools)
            return (
                f"Error: {shortened(f'there is no tool {call.name[:64]!r}; there are: {known}')}",
                "unknown_tool",
            )
        try:
            arguments = tool.read_arguments(call.arguments)
        except BadArguments as error:
            return f"Error: {error}", "arguments"
        deadline_s = tool.deadline_s or self.settings.deadline_s
        scope = asyncio.timeout(deadline_s)
        try:
            async with scope:
                return await self._call(tool, arguments), ""
        except ToolError as error:
            return f"Error: {shortened(str(error)) or 'the tool failed'}", "failed"
        except ThreadsBusy:
            _log.warning("the tool %r of %s is refused: too many threads run", tool.spec.name, tool.origin)
            return "Error: the tool is busy.", "busy"
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            if scope.expired():
                _log.warning(
                    "the tool %r of %s had no result within %g s", tool.spec.name, tool.origin, deadline_s
                )
                return f"Error: the tool gave no result within {deadline_s:g} s.", "deadline"
            _log.warning("the tool %r of %s failed", tool.spec.name, tool.origin, exc_info=error)
            return f"Error: the tool failed ({type(error).__name__}).", "failed"

    async def _call(self, tool: Tool, arguments: dict[str, Any]) -> str:
        max_chars = self.settings.max_result_chars
        if tool.is_async:
            value = tool.function(**arguments)
            return result_text(await value if inspect.isawaitable(value) else value, max_chars)
        job = asyncio.get_running_loop().run_in_executor(
            self._threads, contextvars.copy_context().run, _work, tool, arguments, max_chars
        )
        try:
            return await job
        except asyncio.CancelledError:
            self.abandoned += job.cancelled()  # else the tool has raised it
            raise


def _work(tool: Tool, arguments: dict[str, Any], max_chars: int) -> str:
    try:
        value = tool.function(**arguments)
        if inspect.iscoroutine(value):
            value.close()
            raise TypeError("it returned a coroutine: a tool that awaits is an `async def`")
        return result_text(value, max_chars)
    except StopIteration as error:  # a future cannot carry it
        raise RuntimeError("StopIteration") from error
