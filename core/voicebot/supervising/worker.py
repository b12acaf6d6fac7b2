"""A call worker's side of its pipes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from voicebot.supervising.messages import MAX_LINE_BYTES, Message, line_of
from voicebot.watchdog import exit_within

__all__ = ["STOP_GRACE_S", "Pipes", "Reporting", "reporting", "until_told_to_stop"]

STOP_GRACE_S = 4.0
"""After so long a worker that was told to stop ends, whatever its plugins do; the supervisor waits a little longer."""

_log = logging.getLogger(__name__)


class Pipes:
    """Standard input and output, moved to where no library reads or prints: what one prints goes to standard error."""

    def __init__(self) -> None:
        self.stdin, self.stdout = os.dup(0), os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)


class Reporting:
    """Tells the supervisor, without ever waiting for it: what does not fit is dropped and counted."""

    def __init__(self, pipe: asyncio.WriteTransport) -> None:
        self._pipe = pipe
        self.dropped = 0

    def tell(self, message: Message) -> None:
        if self._pipe.is_closing() or self._pipe.get_write_buffer_size() > MAX_LINE_BYTES:
            if not self.dropped:
                _log.warning("the supervisor does not read: messages to it are dropped")
            self.dropped += 1
            return
        self._pipe.write(line_of(message))


@asynccontextmanager
async def reporting(stdout: int) -> AsyncIterator[Reporting]:
    """The way to the supervisor; what was told has left when the block is over, if the supervisor reads."""
    closed = asyncio.Event()

    class Protocol(asyncio.BaseProtocol):
        def connection_lost(self, error: Exception | None) -> None:
            closed.set()

    loop = asyncio.get_running_loop()
    # The transport closes the file with itself.
    pipe, _ = await loop.connect_write_pipe(Protocol, os.fdopen(stdout, "wb", buffering=0))
    try:
        yield Reporting(pipe)
    finally:
        pipe.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closed.wait(), 1.0)


async def until_told_to_stop(
    work: Coroutine[Any, Any, None], stdin: int, on_line: Callable[[bytes], None] = lambda line: None
) -> None:
    """Do the work until it is done, or cancelled by SIGTERM or by the end of the standard input.

    Args:
        on_line: called with each line of the input.

    The input is watched by a thread, so that its end ends the process even where a plugin holds the event loop.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work, name="work")
    told = False

    def stop() -> None:
        nonlocal told
        # Once: a second cancellation would break into the cleaning up that the first one began.
        if not told:
            told = True
            exit_within(0, STOP_GRACE_S)
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, stop)
    _watch(stdin, loop, stop, on_line)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise


def _watch(
    stdin: int,
    loop: asyncio.AbstractEventLoop,
    stop: Callable[[], None],
    on_line: Callable[[bytes], None],
) -> None:
    def watch() -> None:
        rest = b""
        while data := os.read(stdin, 4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(on_line, line)
        exit_within(0, STOP_GRACE_S)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the work is over
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=watch, name="supervisor's pipe", daemon=True).start()
