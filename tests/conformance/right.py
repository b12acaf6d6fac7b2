"""The smallest engines that keep every promise; the broken ones are made of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel

from voicebot.audio import AudioChunk, Samples, first_audible
from voicebot.interfaces import (
    Capabilities,
    ChatMessage,
    FinalTranscript,
    InterimTranscript,
    LLMEvent,
    ProviderContext,
    SynthesisEvent,
    TextDelta,
    ToolSpec,
    TurnContext,
    TurnVerdict,
    WordMark,
)
from voicebot.testing import NoConfig, Say, ScriptedConnection, tone


class Right:
    Config: ClassVar[type[BaseModel]] = NoConfig
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, config: Any = None, context: ProviderContext | None = None) -> None:
        self.warm = self.closed = False

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        self.warm = True

    async def aclose(self) -> None:
        self.closed = True


class RightVAD(Right):
    """Speech is what is loud."""

    sample_rate = 16_000
    window_samples = 512

    def start(self) -> RightVADStream:
        return RightVADStream()


class RightVADStream:
    def process(self, window: Samples) -> float:
        return 0.9 if first_audible(window) is not None else 0.1

    def reset(self) -> None: ...


class RightSTT(Right):
    """Hears "hello" in what is loud."""

    max_utterance_s: float = 30.0

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> RightUtterance:
        return RightUtterance(self, on_interim)


class RightUtterance:
    def __init__(self, stt: Any, on_interim: Callable[[InterimTranscript], None]) -> None:
        self.stt, self.on_interim = stt, on_interim
        self.pushes = self.count = 0
        self.loud = False

    def push(self, chunk: AudioChunk) -> None:
        self.pushes += 1
        self.count += len(chunk.samples)
        self.loud |= first_audible(chunk.samples) is not None

    async def finalize(self) -> FinalTranscript:
        await asyncio.sleep(0)
        return FinalTranscript("Hello." if self.loud else "", self.count / 16_000)

    async def aclose(self) -> None: ...


class RightTurn(Right):
    """Always the same."""

    async def predict(self, context: TurnContext) -> TurnVerdict:
        await asyncio.sleep(0)
        return TurnVerdict(400, 0.5)


class RightLLM(Right):
    """Two words; more of them where a story is asked for."""

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        for word in ["Hello", " there."] * (50 if is_long(messages[-1].content) else 1):
            await asyncio.sleep(0)
            yield TextDelta(word)


class RightTTS(Right):
    """A tone for each word."""

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        for index, word in enumerate(text.split()):
            await asyncio.sleep(0)
            yield WordMark(word, index * 0.1)
            yield AudioChunk(tone(0.1), 16_000)


class RightTransport(Right):
    """Calls that come by themselves."""

    def front(self) -> Any:
        return None

    async def connections(self) -> AsyncGenerator[ScriptedConnection, None]:
        yield ScriptedConnection([Say(1)])


class RightFront:
    async def serve(self, on_ready: Callable[[str], None]) -> None:
        on_ready("http://here/")
        await asyncio.Event().wait()


class FrontedTransport(RightTransport):
    def front(self) -> Any:
        return RightFront()


def is_long(text: str) -> bool:
    return "story" in text or len(text) > 1_000


SPEECH = AudioChunk(np.concatenate([tone(1.0), np.zeros(37, np.int16)]), 16_000)
"""Not of a round length."""
