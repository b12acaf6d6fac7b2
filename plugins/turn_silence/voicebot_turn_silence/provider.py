from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel

from voicebot.interfaces import Capabilities, ProviderContext, TurnContext, TurnVerdict
from voicebot_turn_silence.config import SilenceConfig


class SilenceTurn:
    """A turn is over after a fixed silence, whatever was said."""

    Config: ClassVar[type[BaseModel]] = SilenceConfig
    capabilities: ClassVar[Capabilities] = Capabilities(sample_rates=(16_000,), licence="Apache-2.0")

    def __init__(self, config: SilenceConfig, context: ProviderContext) -> None:
        self._verdict = TurnVerdict(delay_ms=config.delay_ms)

    @classmethod
    def required_models(cls, config: SilenceConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Nothing to load."""

    async def predict(self, context: TurnContext) -> TurnVerdict:
        return self._verdict

    async def aclose(self) -> None:
        """Nothing to release."""
