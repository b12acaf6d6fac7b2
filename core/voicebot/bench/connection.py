"""The simulated user's line: a microphone in real time, and a listener, on the event loop's clock."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from voicebot.audio import PTIME_MS, AudioChunk
from voicebot.bench.caller import Ending, SimulatedCaller
from voicebot.bench.scenario import BENCH_RATE, Scenario
from voicebot.events import Event
from voicebot.interfaces import Capabilities

__all__ = ["BenchConnection", "BenchTransport"]

_CHUNK = BENCH_RATE * PTIME_MS // 1000


class BenchConnection:
    """Holds one call of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.call_id = ""
        self.sample_rate = BENCH_RATE
        self.caller = SimulatedCaller(scenario)
        self.events: list[Event] = []
        """What was told until the user hung up."""
        self.aftermath: list[Event] = []
        """What was told of it afterwards."""
        self.ending: Ending = ""
        self.start_s = 0.0
        """Sample 0, on the loop's clock."""
        self.length = 0
        """Samples until the user hung up."""
        self._started = self._closed = False

    async def receive(self) -> AsyncGenerator[AudioChunk, None]:
        """20 ms chunks, each when its last sample has been spoken, until the user hangs up."""
        loop = asyncio.get_running_loop()
        self.start_s, self._started = loop.time(), True
        index = 0
        while not self._closed:
            # Counted from the start: errors of the timer do not add up.
            await asyncio.sleep(max(0.0, self.start_s + (index + 1) * PTIME_MS / 1000 - loop.time()))
            taken = self.caller.speak(index * _CHUNK, _CHUNK)
            index += 1
            self.ending = self.caller.over(self._now())
            if self.ending:
                break
            yield AudioChunk(taken, BENCH_RATE)
        self._hang_up()

    async def send(self, packet: AudioChunk) -> None:
        if not self._closed:
            self.caller.agent.send(packet.samples, self._now())

    def cancel(self) -> None:
        if not self._closed:
            self.caller.agent.cancel(self._now())

    def heard_samples(self) -> int:
        return self.caller.agent.heard(self._now())

    def notify(self, event: Event) -> None:
        if self._closed:
            self.aftermath.append(event)
            return
        self.events.append(event)
        self.caller.on_event(event, self.position(event.at_s))

    async def aclose(self) -> None:
        self._hang_up()

    def position(self, at_s: float) -> int:
        """The sample of a time on the loop's clock."""
        # A time that is a whole number of samples must not lose one to floating point.
        return math.floor((at_s - self.start_s) * BENCH_RATE + 1e-6) if self._started else 0

    def _now(self) -> int:
        return self.length if self._closed else self.position(asyncio.get_running_loop().time())

    def _hang_up(self) -> None:
        if not self._closed:
            self.length = self._now()
            self.caller.agent.cancel(self.length)
            self._closed = True


class _NoConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BenchTransport:
    """Brings the one call it was made for."""

    Config: ClassVar[type[BaseModel]] = _NoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, licence="Apache-2.0")

    def __init__(self, connection: BenchConnection) -> None:
        self._connection = connection

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        return ()

    async def warmup(self) -> None: ...

    async def aclose(self) -> None:
        await self._connection.aclose()

    def front(self) -> None:
        return None

    async def connections(self) -> AsyncGenerator[BenchConnection, None]:
        yield self._connection
