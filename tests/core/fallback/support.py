"""Engines that fail when the script says so, and chains of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.engines import Engine
from voicebot.errors import EngineError
from voicebot.fallback import (
    BreakerSettings,
    Chain,
    FallbackEvent,
    FallbackLLM,
    FallbackSTT,
    FallbackTTS,
    Limits,
)
from voicebot.interfaces import (
    Capabilities,
    ChatMessage,
    FinalTranscript,
    InterimTranscript,
    Kind,
    LLMEvent,
    SynthesisEvent,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolSpec,
    WordMark,
)
from voicebot.testing import ScriptedLLM, ScriptedTTS
from voicebot.testing.engines import ScriptedSTT, ScriptedUtterance

QUESTION = [ChatMessage("system", "Be brief."), ChatMessage("user", "How are you?")]
SECOND = AudioChunk(np.zeros(16_000, np.int16), 16_000)
LIMITS = Limits(switch_s=3.0, backoff_s=0.2, breaker=BreakerSettings(failures=2, cooldown_s=5.0))


def passing(retry_after_s: float | None = None) -> EngineError:
    return EngineError("the server is busy", retryable=True, retry_after_s=retry_after_s)


def lasting() -> EngineError:
    return EngineError("the key is wrong")


@dataclass(frozen=True)
class Fault:
    """After so many results the engine raises this, or hangs where it is None."""

    error: Exception | None = None
    after: int = 0

    async def happen(self) -> None:
        if self.error is None:
            await asyncio.sleep(100_000)
        else:
            raise self.error


class Model(ScriptedLLM):
    """Its script: for each request a reply, a fault in "one two three", or a tool call. Then "I am <name>."."""

    def __init__(self, name: str, *script: str | Fault | ToolCall, tools: bool = False) -> None:
        super().__init__()
        self.name = name
        self.script = list(script)
        self.given_tools: list[Sequence[ToolSpec]] = []
        self.capabilities = Capabilities(tools=tools)  # type: ignore[misc]

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        self.asked.append(list(messages))
        self.given_tools.append(tools)
        step = self.script.pop(0) if self.script else f"I am {self.name}."
        self.running += 1
        try:
            await asyncio.sleep(self.ttft_s)
            if isinstance(step, ToolCall):
                yield step
            fault = step if isinstance(step, Fault) else None
            words = step.split(" ") if isinstance(step, str) else ["one", "two", "three"] if fault else []
            for index, word in enumerate(words):
                if fault and index == fault.after:
                    await fault.happen()
                yield TextDelta(word if index == 0 else f" {word}")
                await asyncio.sleep(self.word_s)
            yield TokenUsage(10, len(words))
        finally:
            self.running -= 1


class Voice(ScriptedTTS):
    """Its script: a fault for a clause, None where it says it, "" where nothing comes out."""

    def __init__(self, *script: Fault | str | None, sample_rate: int = 16_000) -> None:
        super().__init__(sample_rate=sample_rate)
        self.script = list(script)
        self.running = 0

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        self.spoken.append(text)
        step = self.script.pop(0) if self.script else None
        self.running += 1
        try:
            yield WordMark(text.split()[0], 0.0)
            await asyncio.sleep(self.ttfa_s)
            for index in range(0 if step == "" else 3):
                if isinstance(step, Fault) and index == step.after:
                    await step.happen()
                yield AudioChunk(np.full(self.sample_rate // 10, 5_000, np.int16), self.sample_rate)
        finally:
            self.running -= 1


class Ear(ScriptedSTT):
    """Its script: a fault for a final transcript, None where it gives one: its name and the audio's seconds."""

    def __init__(self, name: str, *script: Fault | None) -> None:
        super().__init__([name])
        self.script = list(script)
        self.fail_push: Exception | None = None
        self.running = 0
        self.heard: list[HeardUtterance] = []

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> HeardUtterance:
        self._maybe_fail()
        utterance = HeardUtterance(self, lambda seconds: f"{self.texts[0]} {seconds:g}", on_interim)
        self.heard.append(utterance)
        return utterance


class HeardUtterance(ScriptedUtterance):
    def __init__(self, ear: Ear, *args: Any) -> None:
        super().__init__(ear, *args)
        self._ear = ear
        self._on_any = args[1]

    def push(self, chunk: AudioChunk) -> None:
        if self._ear.fail_push is not None:
            raise self._ear.fail_push
        self.audio_s += chunk.duration_s
        self._on_any(InterimTranscript(str(self._ear.texts[0]), self.audio_s))

    async def finalize(self) -> FinalTranscript:
        if self.closed:
            raise EngineError("finalized after it was closed")
        step = self._ear.script.pop(0) if self._ear.script else None
        self._ear.running += 1
        try:
            if step is not None:
                await asyncio.sleep(0.01)
                await step.happen()
            return await super().finalize()
        finally:
            self._ear.running -= 1


class Told(list[FallbackEvent]):
    """What a chain has told, in short."""

    @property
    def short(self) -> list[tuple[str, str, str, str]]:
        return [(event.plugin, event.stage, event.action, event.next_plugin) for event in self]


class Chained:
    """A chain of engines named a, b, c … of distributions dist-a, dist-b, dist-c …"""

    names: ClassVar[str] = "abcdefgh"

    def __init__(
        self,
        kind: Kind,
        providers: Sequence[Any],
        *,
        deadline_s: float = 10.0,
        warmup_s: float = 30.0,
        limits: Limits = LIMITS,
    ) -> None:
        engines = [
            Engine(kind, name, f"dist-{name}", provider)
            for name, provider in zip(self.names, providers, strict=False)
        ]
        self.chain: Chain[Any] = Chain(
            engines, deadline_s=deadline_s, warmup_s=warmup_s, limits=limits, jitter=lambda: 0.5
        )
        self.told = Told()
        self.chain.on_fallback = self.told.append


class LLMChain(Chained):
    def __init__(self, *models: Model, **options: Any) -> None:
        super().__init__("llm", models, **options)
        self.models = models
        self.provider = FallbackLLM(self.chain)

    async def answer(self, messages: Sequence[ChatMessage] = QUESTION) -> str:
        """The answer's text; what came before a failure is in `said`."""
        self.said = ""
        async for event in self.provider.generate(messages):
            if isinstance(event, TextDelta):
                self.said += event.text
        return self.said

    def idle(self) -> bool:
        return not any(model.running for model in self.models)


class TTSChain(Chained):
    def __init__(self, *voices: Voice, **options: Any) -> None:
        super().__init__("tts", voices, **options)
        self.voices = voices
        self.provider = FallbackTTS(self.chain)

    async def say(self, text: str = "Hello there.") -> list[int]:
        """The rates of the chunks that came: which voice they are of."""
        rates = self.rates = list[int]()
        async for event in self.provider.synthesize(text):
            if isinstance(event, AudioChunk):
                rates.append(event.sample_rate)
        return rates

    def idle(self) -> bool:
        return not any(voice.running for voice in self.voices)


class STTChain(Chained):
    def __init__(self, *ears: Ear, **options: Any) -> None:
        super().__init__("stt", ears, **options)
        self.ears = ears
        self.provider = FallbackSTT(self.chain)
        self.interims: list[str] = []

    def start(self, seconds: int = 2) -> Any:
        utterance = self.provider.start(lambda interim: self.interims.append(interim.text))
        for _ in range(seconds):
            utterance.push(SECOND)
        return utterance

    async def hear(self, seconds: int = 2) -> str:
        utterance = self.start(seconds)
        try:
            final: FinalTranscript = await utterance.finalize()
        finally:
            await utterance.aclose()
            await utterance.aclose()
        return final.text

    def idle(self) -> bool:
        closed = all(utterance.closed for ear in self.ears for utterance in ear.heard)
        return closed and not any(ear.running for ear in self.ears)


class Clock:
    """How long something took."""

    def __init__(self) -> None:
        self.began_s = now()

    @property
    def s(self) -> float:
        return round(now() - self.began_s, 3)
