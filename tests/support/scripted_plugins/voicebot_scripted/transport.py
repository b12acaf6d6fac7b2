"""Calls from a Unix socket, as they are asked for.

The front listens; a call worker connects when it can take a call, a caller when it wants one. The front joins one of
each, line for line, and when either goes the other's connection closes. A caller sends JSON lines: `{"say": 1.5}` and
`{"silence": 0.5}` (seconds), `{"heard": {"turn_id": 1, "voice_to_voice_ms": 800}}`; it gets the call's events.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from voicebot.audio import PTIME_MS, AudioChunk
from voicebot.errors import EngineError
from voicebot.events import Event, as_message
from voicebot.interfaces import Capabilities, HeardReport, ProviderContext
from voicebot.tasks import task_group
from voicebot.testing import ScriptedConnection, tone

MICROPHONE_HZ = 16_000
CHUNK = MICROPHONE_HZ * PTIME_MS // 1000
MAX_UNREAD_BYTES = 1 << 20

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TransportConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    socket: Path = Field(default=Path("calls.sock"), description="The socket, relative to the profile.")
    fail_front_after_s: float | None = Field(
        default=None, ge=0, description="The front fails after so long (s)."
    )


class ScriptedTransport:
    Config: ClassVar[type[BaseModel]] = TransportConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, licence="Apache-2.0")

    def __init__(self, config: TransportConfig, context: ProviderContext) -> None:
        self._config = config
        self._path = context.base_dir / config.socket

    @classmethod
    def required_models(cls, config: TransportConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None: ...

    def front(self) -> ScriptedFront:
        return ScriptedFront(self._path, self._config.fail_front_after_s)

    async def connections(self) -> AsyncGenerator[SocketConnection, None]:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path)
            except OSError as error:
                raise EngineError(f"no front listens at {self._path}") from error
            writer.write(b"worker\n")
            connection = SocketConnection(reader, writer)
            try:
                if await reader.readline() != b"call\n":
                    raise EngineError("the front has gone")
                yield connection
            finally:
                await connection.aclose()

    async def aclose(self) -> None: ...


class SocketConnection(ScriptedConnection):
    """The caller's microphone makes the sounds that its lines ask for, in real time, and is silent otherwise."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__([])
        self._reader, self._writer = reader, writer

    async def receive(self) -> AsyncIterator[AudioChunk | HeardReport]:  # type: ignore[override]
        pending = np.zeros(0, np.int16)
        tick_s = asyncio.get_running_loop().time()
        while True:
            tick_s += PTIME_MS / 1000
            while (line := await self._line(tick_s)) is not None:
                if not line:
                    return
                said = json.loads(line)
                if "heard" in said:
                    yield HeardReport(**said["heard"])
                else:
                    seconds, peak = (said["say"], 8_000) if "say" in said else (said["silence"], 0)
                    pending = np.concatenate([pending, tone(seconds, MICROPHONE_HZ, peak=peak)])
            if len(pending) < CHUNK:
                pending = np.concatenate([pending, np.zeros(CHUNK, np.int16)])
            yield AudioChunk(pending[:CHUNK], MICROPHONE_HZ)
            pending = pending[CHUNK:]

    async def _line(self, until_s: float) -> bytes | None:
        """The next line, b"" at the end, None where it is not there in time."""
        try:
            async with asyncio.timeout_at(until_s):
                return await self._reader.readline()
        except TimeoutError:
            return None
        except OSError:
            return b""

    def notify(self, event: Event) -> None:
        if self._writer.transport.get_write_buffer_size() < MAX_UNREAD_BYTES:
            self._writer.write(json.dumps(as_message(event)).encode() + b"\n")

    async def aclose(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class ScriptedFront:
    def __init__(self, path: Path, fail_after_s: float | None) -> None:
        self._path = path
        self._fail_after_s = fail_after_s
        self._idle: asyncio.Queue[Stream] = asyncio.Queue()  # as many as there are call workers
        self._peers: set[asyncio.Task[Any]] = set()

    async def serve(self, on_ready: Callable[[str], None]) -> None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_unix_connection(self._path)
            writer.close()
            raise EngineError(f"{self._path} is taken", hint="Stop the other one.")
        server = await asyncio.start_unix_server(self._peer, self._path)
        on_ready(f"unix:{self._path}")
        try:
            async with asyncio.timeout(self._fail_after_s):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            raise EngineError("told to fail") from None
        finally:
            server.close()
            self._path.unlink(missing_ok=True)
            for task in self._peers:
                task.cancel()
            await asyncio.gather(*self._peers, return_exceptions=True)
            while not self._idle.empty():
                self._idle.get_nowait()[1].close()

    async def _peer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._peers.add(task)
        joined = False
        try:
            if await reader.readline() == b"worker\n":
                self._idle.put_nowait((reader, writer))
                joined = True  # the caller's task owns it from here
                return
            other_reader, other_writer = await self._idle.get()
            while other_reader.at_eof():
                other_writer.close()
                other_reader, other_writer = await self._idle.get()
            other_writer.write(b"call\n")
            try:
                async with task_group() as group:
                    group.create_task(_pump(reader, other_writer))
                    group.create_task(_pump(other_reader, writer))
            finally:
                other_writer.close()
        except asyncio.CancelledError:
            return  # by `serve`; asyncio's streams would log it
        finally:
            self._peers.discard(task)
            if not joined:
                writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side goes; then the other is told by its connection's end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
