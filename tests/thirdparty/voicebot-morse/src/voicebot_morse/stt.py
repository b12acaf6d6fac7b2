from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from pydantic import BaseModel
from voicebot.audio import AudioChunk
from voicebot.interfaces import Capabilities, FinalTranscript, InterimTranscript, ProviderContext

from voicebot_morse.code import Reader
from voicebot_morse.config import MorseConfig


class MorseSTT:
    """Reads Morse code."""

    api_version = 1
    Config: ClassVar[type[BaseModel]] = MorseConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True, interim=True, sample_rates=(16_000,), languages=("en",), licence="MIT-0"
    )
    max_utterance_s = 120.0

    def __init__(self, config: MorseConfig, context: ProviderContext) -> None:
        self._config = config

    @classmethod
    def required_models(cls, config: MorseConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Nothing to load."""

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> MorseUtterance:
        return MorseUtterance(Reader(self._config.dit_ms), on_interim)

    async def aclose(self) -> None:
        """Nothing to release."""


class MorseUtterance:
    def __init__(self, reader: Reader, on_interim: Callable[[InterimTranscript], None]) -> None:
        self._reader = reader
        self._on_interim = on_interim
        self._audio_s = 0.0

    def push(self, chunk: AudioChunk) -> None:
        before = self._reader.text
        self._reader.push(chunk.samples)
        self._audio_s += chunk.duration_s
        if self._reader.text != before:
            self._on_interim(InterimTranscript(self._reader.text, self._audio_s))

    async def finalize(self) -> FinalTranscript:
        return FinalTranscript(self._reader.text, self._audio_s)

    async def aclose(self) -> None:
        """Nothing goes on in the background."""
