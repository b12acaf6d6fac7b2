"""One run of the SFU's process, from its start to its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from voicebot.interfaces import Operations
from voicebot.tasks import task_group
from voicebot_transport_mediasoup.program import SfuProgram

__all__ = ["SfuEnded", "run_sfu"]

READY_S = 30.0
"""How long it may take to start."""
TERM_S = 3.0
"""How long it may take to stop."""
LOOK_EVERY_S = 1.0
HUNG_AFTER = 10
"""It says every second that it is alive; where that has not come at so many looks, one after the other, it hangs. Looks
are counted and not seconds: a pause of this process, or of the whole machine, is no pause of the SFU."""
TELL_EVERY_S = 1.0
"""How soon it hears of a change in what operators are shown."""
_DRAIN_S = 1.0

logger = logging.getLogger("voicebot.sfu")
_ERROR = "error: "
"""Begins the line by which it tells its user what to put right; whoever started it passes that on."""
_LOG_LINE = re.compile(r"\S+T\S+Z (?P<level>debug|info|warning|error) (?P<what>.*)")


@dataclass(frozen=True, slots=True)
class SfuEnded:
    code: int
    """Its exit status; negative: the signal that ended it."""
    said: str
    """The last line on its stderr that is no log: what went wrong, where it says so."""


async def run_sfu(
    program: SfuProgram,
    config: Mapping[str, Any],
    on_ready: Callable[[str], None],
    operations: Operations | None = None,
) -> SfuEnded:
    """Start the SFU and wait for its end. Cancelling this stops it, and whatever it started.

    Args:
        config: as the SFU's README has it.
        on_ready: called with the page's address when it listens.
        operations: what it shows to operators beside its own.
    """
    process = await asyncio.create_subprocess_exec(
        program.node,
        "src/main.js",
        "--config",
        "-",
        cwd=program.folder,
        env={**os.environ, "MEDIASOUP_WORKER_BIN": str(program.worker_binary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A Ctrl-C is for this process, which then stops the SFU in order.
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    said: deque[str] = deque([""], maxlen=1)
    ready, alive = asyncio.Event(), asyncio.Event()
    async with task_group(cancel_on_exit=True) as group:
        readers = [
            group.create_task(_read_stdout(process.stdout, ready, alive, on_ready), name="sfu stdout"),
            group.create_task(_read_stderr(process.stderr, said), name="sfu stderr"),
        ]
        group.create_task(_kill_unless_ready(process, ready), name="sfu deadline")
        group.create_task(_kill_if_hung(process, alive), name="sfu signs of life")
        try:
            # stdin stays open: its end tells the SFU that this process is gone.
            process.stdin.write(json.dumps(config).encode() + b"\n")
            if operations is not None:
                group.create_task(_tell(process.stdin, operations, ready), name="sfu operations")
            code = await process.wait()
        finally:
            await _stop(process, process.stdin)
            # What it said at the end is read, too.
            await asyncio.wait(readers, timeout=_DRAIN_S)
    return SfuEnded(code, said[0].removeprefix(_ERROR))


async def _tell(stdin: asyncio.StreamWriter, operations: Operations, ready: asyncio.Event) -> None:
    """What operators are to be shown, whenever it has changed: sfu/PROTOCOL.md, The parent's pipe."""
    await ready.wait()
    told = b""
    while not stdin.is_closing():
        message = {
            "type": "operations",
            "obstacle": operations.obstacle(),
            "busy": operations.busy(),
            "engines": operations.engines(),
            "metrics": operations.metrics(),
        }
        line = json.dumps(message).encode() + b"\n"
        if line != told:
            told = line
            stdin.write(line)
            # One that does not read is told no more; that it is gone, its end says.
            with suppress(ConnectionError):
                await stdin.drain()
        await asyncio.sleep(TELL_EVERY_S)


async def _stop(process: asyncio.subprocess.Process, stdin: asyncio.StreamWriter) -> None:
    stdin.close()
    try:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            async with asyncio.timeout(TERM_S):
                await process.wait()
    except TimeoutError:
        logger.warning("it did not stop within %g s and is killed", TERM_S)
    finally:
        _kill_group(process)
        # Here, so that one who is cancelled a second time does not leave it unwaited for.
        await process.wait()
    with suppress(ConnectionError):
        await stdin.wait_closed()


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """Nothing that it started outlives it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _kill_unless_ready(process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(READY_S):
            await ready.wait()
    except TimeoutError:
        logger.error("it was not ready within %g s and is killed", READY_S)
        process.kill()


async def _kill_if_hung(process: asyncio.subprocess.Process, alive: asyncio.Event) -> None:
    await alive.wait()
    missed = 0
    while missed < HUNG_AFTER:
        alive.clear()
        await asyncio.sleep(LOOK_EVERY_S)
        missed = 0 if alive.is_set() else missed + 1
    logger.error("it has given no sign of life for %g s and is killed", HUNG_AFTER * LOOK_EVERY_S)
    process.kill()


async def _read_stdout(
    stream: asyncio.StreamReader, ready: asyncio.Event, alive: asyncio.Event, on_ready: Callable[[str], None]
) -> None:
    async for line in _lines(stream):
        match _message(line):
            case {"alive": True}:
                alive.set()
            case {"url": str(url)} if not ready.is_set():
                ready.set()
                on_ready(url)
            case _:
                logger.info("%s", line)


def _message(line: str) -> object:
    """What a line says, or None where it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


async def _read_stderr(stream: asyncio.StreamReader, said: deque[str]) -> None:
    async for line in _lines(stream):
        if match := _LOG_LINE.fullmatch(line):
            logger.log(logging.getLevelNamesMapping()[match["level"].upper()], "%s", match["what"])
        else:
            said.append(line)
            if not line.startswith(_ERROR):
                logger.warning("%s", line)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """The lines that are not empty, until the end; ones too long for the reader's buffer are left out."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        if text := line.decode(errors="replace").strip():
            yield text
