from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from pydantic import BaseModel
from voicebot.interfaces import (
    Capabilities,
    ChatMessage,
    LLMEvent,
    ProviderContext,
    TextDelta,
    TokenUsage,
    ToolSpec,
)

from voicebot_llm_demo.config import DemoConfig
from voicebot_llm_demo.engine import reply


class DemoLLM:
    """Turns what it hears into a question."""

    api_version = 1
    Config: ClassVar[type[BaseModel]] = DemoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, languages=("en",))

    def __init__(self, config: DemoConfig, context: ProviderContext) -> None:
        self._config = config

    @classmethod
    def required_models(cls, config: DemoConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Load a model here, in a thread, or connect to a server."""

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        said = [message.content for message in messages if message.role == "user"]
        words = reply(said[-1] if said else "", self._config.otherwise).split()
        for index, word in enumerate(words):
            yield TextDelta(f" {word}" if index else word)
            await asyncio.sleep(0)  # a model would be waited for here
        yield TokenUsage(sum(len(text.split()) for text in said), len(words))

    async def aclose(self) -> None:
        """Release here what `warmup` took."""
