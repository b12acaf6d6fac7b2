from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from pydantic import BaseModel
from voicebot.audio import AudioChunk
from voicebot.interfaces import (
    Capabilities,
    FinalTranscript,
    InterimTranscript,
    ProviderContext,
)

from voicebot_stt_demo.config import DemoConfig
from voicebot_stt_demo.engine import BurstCounter


class DemoSTT:
    """Counts bursts of sound."""

    api_version = 1
    Config: ClassVar[type[BaseModel]] = DemoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, interim=True, sample_rates=(16_000,))
    max_utterance_s = 30.0

    def __init__(self, config: DemoConfig, context: ProviderContext) -> None:
        self._config = config

    @classmethod
    def required_models(cls, config: DemoConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Load a model here, in a thread."""

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> DemoUtterance:
        counter = BurstCounter(self._config.gap_ms, self._config.threshold)
        return DemoUtterance(counter, on_interim)

    async def aclose(self) -> None:
        """Release here what `warmup` took."""


class DemoUtterance:
    """One stretch of speech."""

    def __init__(self, counter: BurstCounter, on_interim: Callable[[InterimTranscript], None]) -> None:
        self._counter = counter
        self._on_interim = on_interim
        self._audio_s = 0.0

    def push(self, chunk: AudioChunk) -> None:
        # Cheap enough for the event loop. A model's work belongs in a thread.
        before = self._counter.text()
        self._counter.push(chunk.samples)
        self._audio_s += chunk.duration_s
        if self._counter.text() != before:
            self._on_interim(InterimTranscript(self._counter.text(), self._audio_s))

    async def finalize(self) -> FinalTranscript:
        return FinalTranscript(self._counter.text(), self._audio_s)

    async def aclose(self) -> None:
        """Nothing goes on in the background."""
