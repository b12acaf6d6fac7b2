"""Engines with a recorder at their boundary: what each was asked, what it gave, and how long that took.

A tap passes everything on as it is. Where nobody records it does nothing else.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from hashlib import blake2b
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from voicebot.audio import AudioChunk, Samples
from voicebot.interfaces import (
    LLM,
    STT,
    TTS,
    VAD,
    Capabilities,
    ChatMessage,
    EndOfTurn,
    FinalTranscript,
    InterimTranscript,
    Kind,
    LLMEvent,
    Provider,
    SynthesisEvent,
    TextDelta,
    ToolCall,
    ToolSpec,
    TurnContext,
    TurnVerdict,
    Utterance,
    VADStream,
    WordMark,
)
from voicebot.replaying import lines
from voicebot.replaying.asking import Asked, digest_of, failure_of, message_of
from voicebot.replaying.recorder import Recorder

__all__ = ["TAPS", "TappedLLM", "TappedSTT", "TappedTTS", "TappedTurn", "TappedVAD"]

P = TypeVar("P", bound=Provider)


class _Tap(Generic[P]):
    """What all taps share.

    Args:
        link: the engine's place in its chain.
        recorder: of the call that is on; None where it is not recorded.
    """

    Config: ClassVar[type[BaseModel]] = BaseModel
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, inner: P, kind: Kind, link: int, recorder: Callable[[], Recorder | None]) -> None:
        self._inner, self._kind, self._link, self._recorder = inner, kind, link, recorder
        # The engine's own; a class variable elsewhere, since a plugin's class knows its engine.
        self.capabilities = inner.capabilities  # type: ignore[misc]

    def __getattr__(self, name: str) -> Any:
        """What else the engine has, such as `sample_rate`."""
        return getattr(self._inner, name)

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        asked = self._asked()
        if asked is None:
            await self._inner.warmup()
            return
        asked.begun(lines.WarmUp, kind=self._kind)
        with asked:
            await self._inner.warmup()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _asked(self) -> Asked | None:
        recorder = self._recorder()
        return None if recorder is None else Asked(recorder, self._link)


class TappedVAD(_Tap[VAD]):
    def start(self) -> VADStream:
        recorder, stream = self._recorder(), self._inner.start()
        return stream if recorder is None else _TappedStream(stream, recorder)


class _TappedStream:
    def __init__(self, inner: VADStream, recorder: Recorder) -> None:
        self._inner, self._recorder = inner, recorder

    def process(self, window: Samples) -> float:
        crc = zlib.crc32(window.tobytes())
        try:
            probability = float(self._inner.process(window))
        except Exception as error:
            self._recorder.note(lines.Window, p=0.0, crc=crc, failure=failure_of(error))
            raise
        self._recorder.note(lines.Window, p=probability, crc=crc)
        return probability

    def reset(self) -> None:
        self._inner.reset()


class TappedSTT(_Tap[STT]):
    def start(self, on_interim: Callable[[InterimTranscript], None]) -> Utterance:
        recorder = self._recorder()
        if recorder is None:
            return self._inner.start(on_interim)
        return _TappedUtterance(self._inner, self._link, recorder, on_interim)


class _TappedUtterance:
    def __init__(
        self, stt: STT, link: int, recorder: Recorder, on_interim: Callable[[InterimTranscript], None]
    ) -> None:
        self._recorder, self._link, self._on_interim = recorder, link, on_interim
        self._asked = Asked(recorder, link)
        self._digest = blake2b(digest_size=8)
        self._audio_s = 0.0
        self._begun = False
        self._inner = stt.start(self._hear)

    def push(self, chunk: AudioChunk) -> None:
        if not self._begun:
            self._begin(digest_of(chunk.samples))
        self._digest.update(chunk.samples.tobytes())
        self._audio_s += chunk.duration_s
        try:
            self._inner.push(chunk)
        except Exception as error:
            self._asked.over("failed", error)
            raise

    async def finalize(self) -> FinalTranscript:
        if not self._begun:
            self._begin("")
        asked = Asked(self._recorder, self._link)
        asked.begun(
            lines.Finalize,
            utterance=self._asked.id,
            audio=self._digest.hexdigest(),
            audio_s=round(self._audio_s, 6),
        )
        with asked:
            final = await self._inner.finalize()
            asked.gave(
                lines.Final,
                text=final.text,
                audio_s=final.audio_s,
                language=final.language,
                confidence=final.confidence,
            )
            asked.since_s = None
        return final

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _begin(self, head: str) -> None:
        self._begun = True
        self._asked.begun(lines.UtteranceBegun, head=head)

    def _hear(self, interim: InterimTranscript) -> None:
        self._asked.gave(lines.Interim, text=interim.text, audio_s=interim.audio_s, faded=interim.faded)
        self._on_interim(interim)


class TappedTurn(_Tap[EndOfTurn]):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        asked = self._asked()
        if asked is None:
            return await self._inner.predict(context)
        asked.begun(lines.Predict, text=context.text, audio=digest_of(context.audio))
        with asked:
            verdict = await self._inner.predict(context)
            asked.gave(
                lines.Verdict,
                delay_ms=verdict.delay_ms,
                probability=verdict.probability,
                again_ms=verdict.again_ms,
            )
            asked.since_s = None
        return verdict


class TappedLLM(_Tap[LLM]):
    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        stream = self._inner.generate(messages, tools) if tools else self._inner.generate(messages)
        asked = self._asked()
        if asked is not None:
            asked.begun(
                lines.Generate,
                messages=tuple(map(message_of, messages)),
                tools=tuple(tool.name for tool in tools),
            )
            stream = asked.stream(stream, _note_answer)
        async with aclosing(stream):
            async for event in stream:
                yield event


class TappedTTS(_Tap[TTS]):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        stream = self._inner.synthesize(text)
        asked = self._asked()
        if asked is not None:
            asked.begun(lines.Synthesize, text=text)
            stream = asked.stream(stream, _note_speech)
        async with aclosing(stream):
            async for event in stream:
                yield event


def _note_answer(asked: Asked, event: LLMEvent) -> None:
    if isinstance(event, TextDelta):
        asked.gave(lines.Delta, text=event.text)
    elif isinstance(event, ToolCall):
        asked.gave(lines.Call, call_id=event.id, name=event.name, arguments=event.arguments)
    else:
        asked.gave(
            lines.Usage,
            prompt_tokens=event.prompt_tokens,
            completion_tokens=event.completion_tokens,
            cached_tokens=event.cached_tokens,
        )


def _note_speech(asked: Asked, event: SynthesisEvent) -> None:
    if isinstance(event, WordMark):
        asked.gave(lines.Word, text=event.text, start_s=event.start_s)
    else:
        # A copy: whoever plays it may change it, and it is written later.
        sound = AudioChunk(event.samples.copy(), event.sample_rate)
        asked.gave(lines.Sound, sound, n=len(event.samples), rate=event.sample_rate)


TAPS: dict[Kind, type[_Tap[Any]]] = {
    "vad": TappedVAD,
    "stt": TappedSTT,
    "turn": TappedTurn,
    "llm": TappedLLM,
    "tts": TappedTTS,
}
