"""One call worker as the supervisor sees it: a process, its messages, and what it wrote on standard error."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from voicebot.supervising.messages import MAX_LINE_BYTES, Message, Warm, parse_line
from voicebot.tasks import task_group

__all__ = ["TERM_GRACE_S", "WorkerProcess"]

TERM_GRACE_S = 5.0
HELD_LINES = 100
LAST_WORDS_S = 1.0


class WorkerProcess:
    """Runs one process to its end.

    Args:
        on_message: called with each message.
        on_line: called with each line of standard error, once the worker is warm; until then they are held, because
            they are the explanation if it never will be.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        on_message: Callable[[Message], None],
        on_line: Callable[[str], None],
    ) -> None:
        self._command = command
        self._environ = environ
        self._on_message = on_message
        self._on_line = on_line
        self._transport: asyncio.SubprocessTransport | None = None
        self._exited = asyncio.Event()
        self._warm = False
        self._stopping = False
        self.held: deque[str] = deque(maxlen=HELD_LINES)
        """The last lines of standard error of a worker that is not warm."""

    async def run(self) -> int:
        """Start it, and pass on what it tells until it has ended; cancelling this kills it.

        Returns:
            its exit code; negative where a signal ended it.

        Raises:
            OSError: it could not be started.
        """
        if self._stopping:
            return 0
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            lambda: _Protocol(MAX_LINE_BYTES, loop),
            *self._command,
            stdin=subprocess.PIPE,  # its end tells the worker that we are gone
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environ,
            process_group=0,  # Ctrl-C is for us: we stop the workers in our own order
        )
        self._transport, self._exited = transport, protocol.exited
        try:
            if self._stopping:
                self._send(signal.SIGTERM)
            async with task_group(cancel_on_exit=True) as group:
                process = asyncio.subprocess.Process(transport, protocol, loop)
                readers = {
                    group.create_task(_lines(process.stdout, self._message), name="messages"),
                    group.create_task(_lines(process.stderr, self._complaint), name="standard error"),
                }
                await self._exited.wait()
                # What it wrote last; but a grandchild may hold the pipes open for ever.
                await asyncio.wait(readers, timeout=LAST_WORDS_S)
        finally:
            self.kill()
            await self._exited.wait()
            transport.close()
        code = transport.get_returncode()
        assert code is not None
        return code

    def _message(self, line: bytes) -> None:
        with contextlib.suppress(ValueError):  # a plugin found the pipe; nothing of it is for us
            message = parse_line(line)
            if isinstance(message, Warm):
                self._warm = True
                self.release()
            self._on_message(message)

    def _complaint(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if self._warm:
            self._on_line(text)
        else:
            self.held.append(text)

    def release(self) -> None:
        """Pass on the lines that were held."""
        while self.held:
            self._on_line(self.held.popleft())

    def complaint(self) -> str:
        """Why it ended before it was warm: its error, else the last lines it wrote; "" without any."""
        lines = list(self.held)
        starts = [index for index, line in enumerate(lines) if line.startswith("Error: ")]
        if starts:
            return "\n".join(lines[starts[-1] :]).removeprefix("Error: ")
        return "\n".join(lines[-20:])

    def tell(self, line: bytes) -> None:
        """Give it a line; one that has ended, or does not read, misses it."""
        pipe = None if self._transport is None else self._transport.get_pipe_transport(0)
        if isinstance(pipe, asyncio.WriteTransport) and not pipe.is_closing():
            pipe.write(line)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after a while; `run` returns."""
        self._stopping = True
        self._send(signal.SIGTERM)
        if self._transport is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), TERM_GRACE_S)
        self.kill()

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self._transport is not None and self._transport.get_returncode() is None:
            with contextlib.suppress(ProcessLookupError):
                self._transport.send_signal(number)


class _Protocol(asyncio.subprocess.SubprocessStreamProtocol):
    """asyncio's own waits for the pipes' ends, too, before it says that a process has ended."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        self.exited.set()
        super().process_exited()


async def _lines(stream: asyncio.StreamReader | None, take: Callable[[bytes], None]) -> None:
    assert stream is not None
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # longer than the limit: dropped
            continue
        if not line:
            return
        take(line)
