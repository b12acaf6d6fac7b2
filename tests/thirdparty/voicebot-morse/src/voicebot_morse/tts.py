from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from pydantic import BaseModel
from voicebot.audio import AudioChunk
from voicebot.interfaces import Capabilities, ProviderContext, SynthesisEvent, WordMark

from voicebot_morse.code import SAMPLE_RATE, sound
from voicebot_morse.config import MorseConfig


class MorseTTS:
    """Sounds Morse code."""

    api_version = 1
    Config: ClassVar[type[BaseModel]] = MorseConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True, word_times=True, sample_rates=(SAMPLE_RATE,), languages=("en",), licence="MIT-0"
    )

    def __init__(self, config: MorseConfig, context: ProviderContext) -> None:
        self._config = config

    @classmethod
    def required_models(cls, config: MorseConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Nothing to load."""

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        start_s = 0.0
        for word in text.split():
            samples = await asyncio.to_thread(sound, word, self._config.dit_ms, self._config.pitch_hz)
            if len(samples):
                yield WordMark(word, start_s)
                yield AudioChunk(samples, SAMPLE_RATE)
                start_s += len(samples) / SAMPLE_RATE

    async def aclose(self) -> None:
        """Nothing to release."""
