"""The connection and the tools of a call that is being recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.events import Event
from voicebot.interfaces import Connection, HeardReport, ToolCall
from voicebot.replaying import lines
from voicebot.replaying.recorder import Recorder
from voicebot.tools import ToolEvent, ToolRunner

__all__ = ["TappedConnection", "TappedTools"]


class TappedConnection:
    """A connection whose audio, reports and events are recorded; not what the agent says: a replay says it again."""

    def __init__(self, inner: Connection, recorder: Recorder) -> None:
        self._inner = inner
        self._recorder = recorder
        self.call_id = inner.call_id
        self.sample_rate = inner.sample_rate

    async def receive(self) -> AsyncIterator[AudioChunk | HeardReport]:
        recorder = self._recorder
        recorder.opened()
        async for item in self._inner.receive():
            t = recorder.t()
            if isinstance(item, AudioChunk):
                n, rate = len(item.samples), item.sample_rate
                recorder.note(lines.Mic, ("mic", item), t=t, n=n, rate=rate)
            else:
                ms = item.voice_to_voice_ms
                recorder.note(lines.Heard, t=t, turn_id=item.turn_id, voice_to_voice_ms=ms)
            yield item
        recorder.hung_up()

    async def send(self, packet: AudioChunk) -> None:
        await self._inner.send(packet)

    def cancel(self) -> None:
        self._inner.cancel()

    def heard_samples(self) -> int | None:
        return self._inner.heard_samples()

    def notify(self, event: Event) -> None:
        self._recorder.event(event)
        self._inner.notify(event)

    async def aclose(self) -> None:
        await self._inner.aclose()


class TappedTools(ToolRunner):
    """Tools whose calls and results are recorded."""

    def __init__(self, inner: ToolRunner, recorder: Recorder) -> None:
        super().__init__((), inner.settings)
        self.specs = inner.specs
        self._inner = inner
        self._recorder = recorder

    def filler(self, calls: Sequence[ToolCall], default: str) -> str:
        return self._inner.filler(calls, default)

    async def run(
        self,
        calls: Sequence[ToolCall],
        on_result: Callable[[int, str], None],
        on_tool: Callable[[ToolEvent], None] = lambda event: None,
    ) -> None:
        recorder, began_s = self._recorder, now()
        ids = [recorder.request() for _ in calls]
        for number, call in zip(ids, calls, strict=True):
            recorder.note(lines.Tool, id=number, t=recorder.t(), name=call.name, arguments=call.arguments)
        done: list[tuple[int, str]] = []

        def keep(index: int, text: str) -> None:
            done.append((ids[index], text))
            on_result(index, text)

        def note(event: ToolEvent) -> None:
            # Right after the result that it is about; a call that was cancelled has none.
            if done:
                number, text = done.pop()
                after_s = round(now() - began_s, 6)
                recorder.note(lines.ToolDone, id=number, after_s=after_s, text=text, problem=event.problem)
            on_tool(event)

        await self._inner.run(calls, keep, note)
