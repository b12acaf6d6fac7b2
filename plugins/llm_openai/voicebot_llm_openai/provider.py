from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from pydantic import BaseModel

from voicebot.interfaces import Capabilities, ChatMessage, LLMEvent, ProviderContext, ToolSpec
from voicebot_llm_openai.chat import Chat
from voicebot_llm_openai.config import OpenAIConfig

__all__ = ["OpenAILLM"]


class OpenAILLM:
    """A model behind an OpenAI-compatible chat-completions server, streamed."""

    Config: ClassVar[type[BaseModel]] = OpenAIConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True, tools=True, needs_network=True, licence="Apache-2.0"
    )

    def __init__(self, config: OpenAIConfig, context: ProviderContext) -> None:
        self._chat = Chat(config, context.system_prompt)

    @classmethod
    def required_models(cls, config: OpenAIConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """See `Chat.warmup`."""
        await self._chat.warmup()

    def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        """See `Chat.generate`."""
        return self._chat.generate(messages, tools)

    async def aclose(self) -> None:
        await self._chat.aclose()
