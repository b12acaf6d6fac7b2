"""The recorded user on the line, and the recorded tools."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from voicebot.audio import PTIME_MS, AudioChunk
from voicebot.bench.tape import Tape
from voicebot.clock import now
from voicebot.events import AgentTurnEnded, AgentTurnStarted, Event, StateChanged
from voicebot.interfaces import Capabilities, HeardReport, ToolCall
from voicebot.replaying import lines
from voicebot.replaying.recording import Recording
from voicebot.replaying.shelf import Course, Shelf
from voicebot.settings import ToolCallSettings
from voicebot.tools import ToolEvent, ToolRunner
from voicebot.tools.runner import Problem

__all__ = ["LONGEST_WAIT_S", "ConnectionPlayer", "ToolsPlayer", "TransportPlayer"]

LONGEST_WAIT_S = 30.0
"""A patient user stays on the line for so long after the recording's end, for the agent to finish."""


class ConnectionPlayer:
    """Gives a session the recorded audio when it came, and plays what it sends on the session's clock.

    Args:
        patient: the user hangs up when they did, but not while the agent answers: for a replay whose agent may be
            slower than the recorded one.

    Attributes:
        events: all that happened, in order.
    """

    def __init__(self, recording: Recording, course: Course, *, patient: bool) -> None:
        self.call_id = recording.about.call_id
        self.sample_rate = recording.about.sample_rate
        self.events: list[Event] = []
        self._recording = recording
        self._course = course
        self._patient = patient
        self._tape = Tape()
        self._answering = False
        self._state = ""

    async def receive(self) -> AsyncGenerator[AudioChunk | HeardReport, None]:
        self._course.opened_s = now()
        recording = self._recording
        for t, item in recording.mic:
            await self._until(t)
            yield item if isinstance(item, HeardReport) else AudioChunk(*item)
        ended_s = recording.ended_s
        if ended_s is None:
            ended_s = recording.mic[-1][0] if recording.mic else recording.opened_s
            if recording.whole:
                # Not by the user: by the agent, which does so again first, or by whoever stopped the program.
                ended_s = recording.told[-1]["at_s"] + PTIME_MS / 1000
        if self._patient:
            rate = next((item[1] for _, item in recording.mic if not isinstance(item, HeardReport)), 16_000)
            silence, last_s = AudioChunk.silence(PTIME_MS, rate), ended_s + LONGEST_WAIT_S
            while self._busy and ended_s < last_s:
                ended_s += PTIME_MS / 1000
                await self._until(ended_s)
                yield silence
        await self._until(ended_s)

    async def send(self, packet: AudioChunk) -> None:
        self._tape.send(packet.samples, self._sample())

    def cancel(self) -> None:
        self._tape.cancel(self._sample())

    def heard_samples(self) -> int | None:
        return self._tape.heard(self._sample()) if self._recording.about.knows_heard else None

    def notify(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, AgentTurnStarted | AgentTurnEnded):
            self._answering = isinstance(event, AgentTurnStarted)
        elif isinstance(event, StateChanged):
            self._state = event.state

    async def aclose(self) -> None: ...

    def heard(self) -> AudioChunk:
        """What the listener heard, from when the microphone was opened."""
        return AudioChunk(self._tape.played(0, self._tape.end), self.sample_rate)

    @property
    def _busy(self) -> bool:
        return self._answering or self._state in ("user_speaking", "thinking", "agent_speaking")

    async def _until(self, t: float) -> None:
        due_s = self._course.opened_s + t - self._recording.opened_s
        await asyncio.sleep(max(0.0, due_s - now()))

    def _sample(self) -> int:
        # A time that is a whole number of samples must not lose one to floating point.
        return math.floor((now() - self._course.opened_s) * self.sample_rate + 1e-6)


class _NoConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TransportPlayer:
    """Brings the recorded call."""

    Config: ClassVar[type[BaseModel]] = _NoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, licence="Apache-2.0")

    def __init__(self, connection: ConnectionPlayer) -> None:
        self._connection = connection

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        return ()

    async def warmup(self) -> None: ...

    async def aclose(self) -> None: ...

    def front(self) -> None:
        return None

    async def connections(self) -> AsyncGenerator[ConnectionPlayer, None]:
        yield self._connection


class ToolsPlayer(ToolRunner):
    """Tools whose recorded results are told again; nothing is called."""

    def __init__(self, recording: Recording, settings: ToolCallSettings, course: Course) -> None:
        super().__init__((), settings)
        tools = recording.about.tools
        self.specs = tuple(tool.spec() for tool in tools)
        self._fillers = {tool.name: tool.filler for tool in tools}
        self._course = course
        self._calls = Shelf(recording.requests, lines.Tool, 0, in_order=recording.about.redacted)

    def filler(self, calls: Sequence[ToolCall], default: str) -> str:
        fillers = (self._fillers.get(call.name) for call in calls)
        return next((filler for filler in fillers if filler is not None), default)

    async def run(
        self,
        calls: Sequence[ToolCall],
        on_result: Callable[[int, str], None],
        on_tool: Callable[[ToolEvent], None] = lambda event: None,
    ) -> None:
        results = sorted((self._result(call), index) for index, call in enumerate(calls))
        began_s = now()
        for (after_s, text, problem), index in results:
            await asyncio.sleep(max(0.0, began_s + after_s - now()))
            on_result(index, text)
            on_tool(ToolEvent(calls[index].name[:64], (now() - began_s) * 1000, problem))

    def _result(self, call: ToolCall) -> tuple[float, str, Problem]:
        wanted = (call.name, call.arguments)
        found = self._calls.take(
            lambda asked: 0.0 if (asked.name, asked.arguments) == wanted else None, again=True
        )
        for given in found.given if found is not None else ():
            if isinstance(given, lines.ToolDone):
                return given.after_s, given.text, given.problem  # type: ignore[return-value]
        error = self._course.cannot("tool", f"{call.name}({call.arguments})")
        return 0.0, f"Error: {error.message}", "failed"
