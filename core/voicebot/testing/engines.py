"""Scripted engines: small real providers that do what a test tells them, on the loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, overload

import numpy as np
from pydantic import BaseModel, ConfigDict

from voicebot.audio import AudioChunk, Samples
from voicebot.engines import Engine
from voicebot.errors import ModelMissing
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
    ProviderContext,
    SynthesisEvent,
    TextDelta,
    TokenUsage,
    ToolSpec,
    Transport,
    TurnContext,
    TurnVerdict,
    WordMark,
)

__all__ = [
    "LoudnessVAD",
    "NoConfig",
    "ScriptedLLM",
    "ScriptedSTT",
    "ScriptedTTS",
    "ScriptedTurn",
    "as_engine",
    "context",
]

P = TypeVar("P", bound=Provider)


class NoConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid")


class _NoModels:
    def path(self, model: str) -> Path:
        raise ModelMissing(f"no model {model!r} in this test")


def context(**values: Any) -> ProviderContext:
    """A provider's context in which there are no models."""
    return ProviderContext(models=_NoModels(), **values)


@overload
def as_engine(kind: Literal["vad"], provider: VAD) -> Engine[VAD]: ...
@overload
def as_engine(kind: Literal["stt"], provider: STT) -> Engine[STT]: ...
@overload
def as_engine(kind: Literal["turn"], provider: EndOfTurn) -> Engine[EndOfTurn]: ...
@overload
def as_engine(kind: Literal["llm"], provider: LLM) -> Engine[LLM]: ...
@overload
def as_engine(kind: Literal["tts"], provider: TTS) -> Engine[TTS]: ...
@overload
def as_engine(kind: Literal["transport"], provider: Transport) -> Engine[Transport]: ...
def as_engine(kind: Kind, provider: Any) -> Engine[Any]:
    """A provider under the name `scripted`, as if its distribution were `voicebot-testing`."""
    return Engine(kind, "scripted", "voicebot-testing", provider)


class _Scripted:
    """What the scripted engines share: they count their life's events and can be told to fail."""

    Config: ClassVar[type[BaseModel]] = NoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, interim=True, word_times=True)

    def __init__(self, config: Any = None, context: ProviderContext | None = None) -> None:
        self.warmups = 0
        self.closes = 0
        self.warmup_s = 0.0
        self.fail_with: BaseException | None = None
        """Raised by the next piece of work."""
        self.fail_warmup_with: BaseException | None = None

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        await asyncio.sleep(self.warmup_s)
        if self.fail_warmup_with is not None:
            raise self.fail_warmup_with
        self.warmups += 1

    async def aclose(self) -> None:
        self.closes += 1

    def _maybe_fail(self) -> None:
        if self.fail_with is not None:
            failure, self.fail_with = self.fail_with, None
            raise failure


class LoudnessVAD(_Scripted):
    """Speech is what is loud: probability 1 from a peak of 5 % of full scale, else 0."""

    sample_rate = 16_000
    window_samples = 512

    def start(self) -> LoudnessVAD:
        return self

    def process(self, window: Samples) -> float:
        self._maybe_fail()
        if window.shape != (self.window_samples,):
            raise ValueError(f"a window holds {self.window_samples} samples, not {window.shape}")
        return 1.0 if np.abs(window.astype(np.int32)).max() > 1638 else 0.0

    def reset(self) -> None:
        pass


class ScriptedSTT(_Scripted):
    """Gives each utterance the next text of the script, and "" when there is none left.

    Args:
        texts: one per utterance; a callable gets the audio's duration in seconds.
        final_s: how long a final transcript takes.
    """

    max_utterance_s = 30.0

    def __init__(
        self,
        texts: Iterable[str | Callable[[float], str]] = (),
        context: ProviderContext | None = None,
        *,
        final_s: float = 0.05,
    ) -> None:
        super().__init__()
        self.texts = list(texts)
        self.final_s = final_s
        self.utterances: list[ScriptedUtterance] = []

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> ScriptedUtterance:
        self._maybe_fail()
        text = self.texts.pop(0) if self.texts else ""
        utterance = ScriptedUtterance(self, text, on_interim)
        self.utterances.append(utterance)
        return utterance


class ScriptedUtterance:
    def __init__(
        self,
        stt: ScriptedSTT,
        text: str | Callable[[float], str],
        on_interim: Callable[[InterimTranscript], None],
    ) -> None:
        self._stt = stt
        self._text = text
        self._on_interim = on_interim
        self.audio_s = 0.0
        self.finals = 0
        self.closed = False

    def push(self, chunk: AudioChunk) -> None:
        if chunk.sample_rate != 16_000:
            raise ValueError("an utterance takes 16 kHz")
        before = int(self.audio_s / 0.5)
        self.audio_s += chunk.duration_s
        if int(self.audio_s / 0.5) > before:
            words = self._whole().split()[: int(self.audio_s / 0.5)]
            self._on_interim(InterimTranscript(" ".join(words), self.audio_s))

    async def finalize(self) -> FinalTranscript:
        self._stt._maybe_fail()
        await asyncio.sleep(self._stt.final_s)
        self.finals += 1
        return FinalTranscript(self._whole(), self.audio_s)

    async def aclose(self) -> None:
        self.closed = True

    def _whole(self) -> str:
        return self._text if isinstance(self._text, str) else self._text(self.audio_s)


class ScriptedTurn(_Scripted):
    """Always the same verdict, after `verdict_s`."""

    def __init__(self, delay_ms: int = 400, *, verdict_s: float = 0.0) -> None:
        super().__init__()
        self.delay_ms = delay_ms
        self.verdict_s = verdict_s
        self.asked: list[TurnContext] = []

    async def predict(self, context: TurnContext) -> TurnVerdict:
        self._maybe_fail()
        self.asked.append(context)
        await asyncio.sleep(self.verdict_s)
        return TurnVerdict(self.delay_ms)


class ScriptedLLM(_Scripted):
    """Answers with the script's replies, word by word.

    Attributes:
        asked: the messages of each request.
        closed: how many answers were stopped before their end.
    """

    def __init__(
        self, replies: Iterable[str | BaseException] = (), *, ttft_s: float = 0.1, word_s: float = 0.02
    ) -> None:
        super().__init__()
        self.replies = list(replies)
        self.ttft_s = ttft_s
        self.word_s = word_s
        self.asked: list[list[ChatMessage]] = []
        self.running = 0
        self.closed = 0

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        self.asked.append(list(messages))
        reply = self.replies.pop(0) if self.replies else "I have nothing to add."
        self.running += 1
        finished = False
        try:
            await asyncio.sleep(self.ttft_s)
            self._maybe_fail()
            if isinstance(reply, BaseException):
                raise reply
            words = reply.split(" ")
            for index, word in enumerate(words):
                yield TextDelta(word if index == 0 else f" {word}")
                await asyncio.sleep(self.word_s)
            yield TokenUsage(sum(len(m.content.split()) for m in messages), len(words))
            finished = True
        finally:
            self.running -= 1
            self.closed += not finished


class ScriptedTTS(_Scripted):
    """Speaks a 440 Hz tone, `word_s` seconds a word, with word times, in chunks of 100 ms.

    Args:
        ttfa_s: time to the first chunk; the others follow at `rtf` of their duration.
    """

    def __init__(
        self, *, sample_rate: int = 22_050, word_s: float = 0.2, ttfa_s: float = 0.05, rtf: float = 0.1
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.word_s = word_s
        self.ttfa_s = ttfa_s
        self.rtf = rtf
        self.spoken: list[str] = []

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        self._maybe_fail()
        self.spoken.append(text)
        words = text.split()
        for index, word in enumerate(words):
            yield WordMark(word, index * self.word_s)
        await asyncio.sleep(self.ttfa_s)
        count = round(len(words) * self.word_s * self.sample_rate)
        step = self.sample_rate // 10
        for start in range(0, count, step):
            times = np.arange(start, min(count, start + step))
            part = (np.sin(times * (2 * np.pi * 440 / self.sample_rate)) * 12_000).astype(np.int16)
            await asyncio.sleep(self.rtf * len(part) / self.sample_rate)
            yield AudioChunk(part, self.sample_rate)
