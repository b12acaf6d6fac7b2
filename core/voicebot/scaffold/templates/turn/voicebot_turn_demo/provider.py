from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel
from voicebot.interfaces import Capabilities, ProviderContext, TurnContext, TurnVerdict

from voicebot_turn_demo.config import DemoConfig
from voicebot_turn_demo.engine import is_whole


class DemoTurn:
    """Waits less after a whole sentence."""

    api_version = 1
    Config: ClassVar[type[BaseModel]] = DemoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(sample_rates=(16_000,))

    def __init__(self, config: DemoConfig, context: ProviderContext) -> None:
        self._config = config

    @classmethod
    def required_models(cls, config: DemoConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Load a model here, in a thread."""

    async def predict(self, context: TurnContext) -> TurnVerdict:
        sure = is_whole(context.text)
        return TurnVerdict(self._config.sure_ms if sure else self._config.unsure_ms)

    async def aclose(self) -> None:
        """Release here what `warmup` took."""
