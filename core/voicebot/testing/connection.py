"""A scripted user: audio in as the script says, audio out on a record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np

from voicebot.audio import PTIME_MS, AudioChunk, Samples
from voicebot.events import Event
from voicebot.testing.engines import _Scripted

__all__ = ["Say", "ScriptedConnection", "ScriptedTransport", "Silence", "tone"]


@dataclass(frozen=True, slots=True)
class Say:
    """The user makes a sound for this long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Silence:
    """The user is silent for this long."""

    seconds: float


def tone(seconds: float, sample_rate: int = 16_000, *, hz: float = 300, peak: int = 8_000) -> Samples:
    """A sine, int16."""
    phase = np.arange(round(seconds * sample_rate)) * (2 * np.pi * hz / sample_rate)
    wave: Samples = (np.sin(phase) * peak).astype(np.int16)
    return wave


class ScriptedConnection:
    """Delivers the script in chunks of 20 ms on the loop's clock, then hangs up.

    Attributes:
        sent: (time, packet) of everything that was sent.
        cancelled: times of `cancel`.
        events: everything that was notified.
        fail_send, fail_receive: raised instead of working, once set.
    """

    def __init__(
        self, script: Sequence[Say | Silence], *, sample_rate: int = 24_000, input_rate: int = 16_000
    ) -> None:
        self.call_id = ""
        self.sample_rate = sample_rate
        self.sent: list[tuple[float, AudioChunk]] = []
        self.cancelled: list[float] = []
        self.events: list[Event] = []
        self.closes = 0
        self.fail_send: Exception | None = None
        self.fail_receive: Exception | None = None
        self._input_rate = input_rate
        parts = [
            tone(part.seconds, input_rate)
            if isinstance(part, Say)
            else np.zeros(round(part.seconds * input_rate))
            for part in script
        ]
        self._input = np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, np.int16)
        self._heard = 0
        self._pending: list[tuple[float, int]] = []
        self._kept: list[AudioChunk] = []

    async def receive(self) -> AsyncIterator[AudioChunk]:
        loop = asyncio.get_running_loop()
        start_s, step = loop.time(), self._input_rate * PTIME_MS // 1000
        for index, begin in enumerate(range(0, len(self._input), step)):
            await asyncio.sleep(max(0.0, start_s + (index + 1) * PTIME_MS / 1000 - loop.time()))
            if self.fail_receive is not None:
                raise self.fail_receive
            yield AudioChunk(self._input[begin : begin + step], self._input_rate)

    async def send(self, packet: AudioChunk) -> None:
        if self.fail_send is not None:
            raise self.fail_send
        now = asyncio.get_running_loop().time()
        self.sent.append((now, packet))
        self._kept.append(packet)
        begins_s = max(now, self._pending[-1][0] + PTIME_MS / 1000 if self._pending else now)
        self._pending.append((begins_s, len(packet.samples)))

    def cancel(self) -> None:
        self._settle()
        del self._kept[len(self._kept) - len(self._pending) :]
        self._pending.clear()
        self.cancelled.append(asyncio.get_running_loop().time())

    def heard_samples(self) -> int:
        self._settle()
        return self._heard

    def _settle(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._pending and self._pending[0][0] + PTIME_MS / 1000 <= now + 1e-9:
            self._heard += self._pending.pop(0)[1]

    def notify(self, event: Event) -> None:
        self.events.append(event)

    async def aclose(self) -> None:
        self.closes += 1

    @property
    def audio(self) -> Samples:
        """All that was sent and not discarded, end to end."""
        return np.concatenate([packet.samples for packet in self._kept] or [np.zeros(0, np.int16)])


class ScriptedTransport(_Scripted):
    """Hands out the connections it was given."""

    def __init__(self, connections: Sequence[ScriptedConnection] = ()) -> None:
        super().__init__()
        self._connections = list(connections)

    def front(self) -> None:
        return None

    async def connections(self) -> AsyncGenerator[ScriptedConnection, None]:
        for connection in self._connections:
            yield connection
