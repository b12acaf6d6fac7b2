from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel
from voicebot.audio import Samples
from voicebot.interfaces import Capabilities, ProviderContext

from voicebot_vad_demo.config import DemoConfig
from voicebot_vad_demo.engine import level_db, probability


class DemoVAD:
    """Takes what is loud for speech."""

    api_version = 1
    Config: ClassVar[type[BaseModel]] = DemoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, sample_rates=(16_000,))
    sample_rate = 16_000
    window_samples = 512

    def __init__(self, config: DemoConfig, context: ProviderContext) -> None:
        self._config = config

    @classmethod
    def required_models(cls, config: DemoConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Load a model here, in a thread."""

    def start(self) -> DemoStream:
        return DemoStream(self._config.threshold_db)

    async def aclose(self) -> None:
        """Release here what `warmup` took."""


class DemoStream:
    """One microphone."""

    def __init__(self, threshold_db: float) -> None:
        self._threshold_db = threshold_db

    def process(self, window: Samples) -> float:
        return probability(level_db(window), self._threshold_db)

    def reset(self) -> None:
        """Nothing is remembered from window to window."""
