from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from pydantic import BaseModel
from voicebot.audio import AudioChunk
from voicebot.interfaces import (
    Capabilities,
    ProviderContext,
    SynthesisEvent,
    WordMark,
)

from voicebot_tts_demo.config import DemoConfig
from voicebot_tts_demo.engine import SAMPLE_RATE, WORD_S, ring


class DemoTTS:
    """Rings once per word."""

    api_version = 1
    Config: ClassVar[type[BaseModel]] = DemoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True, word_times=True, sample_rates=(SAMPLE_RATE,)
    )

    def __init__(self, config: DemoConfig, context: ProviderContext) -> None:
        self._config = config

    @classmethod
    def required_models(cls, config: DemoConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Load a voice here, in a thread."""

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        for index, word in enumerate(text.split()):
            yield WordMark(word, index * WORD_S)
            samples = await asyncio.to_thread(ring, word, self._config.pitch_hz)
            yield AudioChunk(samples, SAMPLE_RATE)

    async def aclose(self) -> None:
        """Release here what `warmup` took."""
