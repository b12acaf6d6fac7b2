"""The engine, one call: put yours in its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import numpy as np
from voicebot.audio import PTIME_MS, AudioChunk
from voicebot.events import Event


class DemoConnection:
    """A caller's TCP connection: 16-bit little-endian mono PCM, both ways."""

    call_id = ""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sample_rate: int,
    ) -> None:
        self.sample_rate = sample_rate
        self._reader = reader
        self._writer = writer
        # A caller who does not read is waited for, instead of piling audio up here.
        writer.transport.set_write_buffer_limits(high=0)

    async def receive(self) -> AsyncGenerator[AudioChunk, None]:
        size = self.sample_rate * PTIME_MS // 1000 * 2
        with suppress(OSError):
            while True:
                try:
                    data = await self._reader.readexactly(size)
                except asyncio.IncompleteReadError as end:
                    data = end.partial[: len(end.partial) // 2 * 2]
                if data:
                    samples = np.frombuffer(data, "<i2").astype(np.int16)
                    yield AudioChunk(samples, self.sample_rate)
                if len(data) < size:
                    return

    async def send(self, packet: AudioChunk) -> None:
        with suppress(OSError):  # that they have gone is for `receive` to say
            self._writer.write(packet.samples.astype("<i2").tobytes())
            await self._writer.drain()

    def cancel(self) -> None:
        """Nothing can be taken back from a caller's program."""

    def heard_samples(self) -> int | None:
        return None

    def notify(self, event: Event) -> None:
        """There is no place for events in a stream of PCM."""

    async def aclose(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
