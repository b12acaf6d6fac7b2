"""Holds more and more calls at once, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import psutil

from voicebot.capacity.steps import SLOWER, Step, Talked, parse_talked
from voicebot.errors import VoicebotError
from voicebot.supervising.messages import MAX_LINE_BYTES
from voicebot.tasks import task_group

__all__ = ["Talker", "measure"]

LAST_CALL_S = 90.0
"""How long the last call of a step may go on."""
END_S = 5.0
SPARE = 1.3
"""A further process is started only with so many times the memory of the largest one to spare."""


class Talker:
    """A process that holds calls when it is told to: `voicebot.capacity.talking`."""

    def __init__(self, process: asyncio.subprocess.Process, complaints: asyncio.Task[bytes]) -> None:
        self._process = process
        self._complaints = complaints

    async def expect(self, kind: str) -> dict[str, Any]:
        """
        Raises:
            VoicebotError: it ended, and why; or said something else.
        """
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        said = ""
        if not line:
            with suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    said = (await asyncio.shield(self._complaints)).decode(errors="replace").strip()
            raise VoicebotError(said or "a process that was to hold calls ended")
        with suppress(ValueError, KeyError, TypeError):
            message = json.loads(line)
            if message["type"] == kind:
                return dict(message)
        raise VoicebotError("a process that was to hold calls says nothing that makes sense")

    async def talk(self, for_s: float) -> Talked:
        """
        Raises:
            VoicebotError: it failed, or did not come to an end.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(b"%f\n" % for_s)
        try:
            async with asyncio.timeout(for_s + LAST_CALL_S):
                return parse_talked(await self.expect("talked"))
        except TimeoutError:
            raise VoicebotError(f"a call was not over {LAST_CALL_S:g} s after the end of its step") from None
        except ValueError as error:
            raise VoicebotError(
                f"a process that was to hold calls says nothing that makes sense: {error}"
            ) from None


@asynccontextmanager
async def _talker(command: Sequence[str]) -> AsyncIterator[Talker]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        limit=MAX_LINE_BYTES,
        process_group=0,  # Ctrl-C is for us
    )
    assert process.stdin is not None
    assert process.stderr is not None
    complaints = asyncio.create_task(_last_bytes(process.stderr), name="complaints")
    try:
        yield Talker(process, complaints)
    finally:
        process.stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await complaints


async def _last_bytes(stream: asyncio.StreamReader) -> bytes:
    """All of it is read, and its end kept."""
    kept = b""
    while data := await stream.read(65_536):
        kept = (kept + data)[-4_000:]
    return kept


async def measure(
    command: Callable[[int], Sequence[str]],
    *,
    most: int,
    step_s: float,
    limit_ms: float | None,
    warmup_s: float,
    on_step: Callable[[Step, float | None], None],
    on_line: Callable[[str], None] = lambda line: None,
) -> tuple[list[Step], float | None]:
    """One call, two at once, three … until they are too many, or `most`.

    Args:
        command: starts the talker of a number, from 0.
        step_s: how long each step lasts; calls that are on then are held to their end.
        limit_ms: the longest p90 that is good enough; None: `SLOWER` times that of a single call.
        on_step: called after each, with the limit that holds.

    Returns:
        the steps, and the limit that held in the end.

    Raises:
        VoicebotError: the first process cannot hold calls.
    """
    steps: list[Step] = []
    async with AsyncExitStack() as stack:
        talkers: list[Talker] = []
        while len(talkers) < most:
            largest_mb = max((one.rss_mb for step in steps for one in step.talked), default=0.0)
            spare_mb = psutil.virtual_memory().available / 1e6
            if spare_mb < SPARE * largest_mb:
                on_line(f"{spare_mb:,.0f} MB of memory are left: too little for another call.")
                break
            on_line(f"Loading engines for call {len(talkers) + 1} …")
            talker = await stack.enter_async_context(_talker(command(len(talkers))))
            try:
                async with asyncio.timeout(warmup_s):
                    await talker.expect("warm")
            except TimeoutError:
                raise VoicebotError(f"the engines were not warm within {warmup_s:g} s") from None
            talkers.append(talker)
            psutil.cpu_percent()
            async with task_group() as group:
                talks = [group.create_task(each.talk(step_s)) for each in talkers]
            talked = [each.result() for each in talks]
            step = Step(talked, psutil.cpu_percent())
            steps.append(step)
            if limit_ms is None and step.p90_ms is not None:
                limit_ms = SLOWER * step.p90_ms
            on_step(step, limit_ms)
            if step.too_many(limit_ms):
                break
    return steps, limit_ms
