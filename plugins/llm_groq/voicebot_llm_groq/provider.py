from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from voicebot.interfaces import Capabilities, ChatMessage, LLMEvent, ProviderContext, ToolSpec
from voicebot_llm_groq.config import GroqConfig
from voicebot_llm_groq.retired import check_groq_model
from voicebot_llm_groq.sdk import Sdk
from voicebot_llm_openai.chat import Chat, Dialect

__all__ = ["GroqLLM", "wishes"]


class GroqLLM:
    """A model on GroqCloud, streamed through Groq's SDK.

    All else is `llm: openai`'s, whose settings, dialects and reader of streams it takes: Groq speaks the same.
    """

    Config: ClassVar[type[BaseModel]] = GroqConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True,
        tools=True,
        needs_network=True,
        licence="Apache-2.0",
        modules=("groq",),
        extra="groq",
    )

    def __init__(self, config: GroqConfig, context: ProviderContext) -> None:
        self._sdk = Sdk(config)
        extra, wished = wishes(config)
        config = config.model_copy(update={"extra_body": {**extra, **config.extra_body}})
        dialect = Dialect(
            send=self._sdk.send,
            check=check_groq_model,
            key_variable="GROQ_API_KEY",
            limit_name="max_completion_tokens",
            asks_usage=False,  # it comes unasked, in `x_groq`
            wishes=wished,
        )
        self._chat = Chat(config, context.system_prompt, dialect)

    @classmethod
    def required_models(cls, config: GroqConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Connect, and see that Groq knows the key and the model.

        Raises:
            EngineError: it does not, has retired the model, or cannot be reached.
        """
        await self._sdk.load()
        await self._chat.warmup()

    def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        """See `Chat.generate`."""
        return self._chat.generate(messages, tools)

    async def aclose(self) -> None:
        await self._chat.aclose()


def wishes(config: GroqConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """Groq's own fields: those the user asked for, and those that we would like and do without if they are refused.

    gpt-oss thinks at least a little (`low`), and its reasoning is left out by `include_reasoning`; Qwen can be told not
    to think (`none`), and writes its reasoning into the text unless told otherwise. After
    https://console.groq.com/docs/reasoning.
    """
    asked: dict[str, Any] = {}
    wished: dict[str, Any] = {}
    if config.service_tier is not None:
        asked["service_tier"] = config.service_tier
    gpt_oss, qwen = config.model.startswith("openai/gpt-oss"), config.model.startswith("qwen")
    if config.reasoning_effort == "least":
        if gpt_oss or qwen:
            wished["reasoning_effort"] = "low" if gpt_oss else "none"
    elif config.reasoning_effort is not None:
        asked["reasoning_effort"] = config.reasoning_effort
    if gpt_oss:
        wished["include_reasoning"] = False
    elif qwen:
        wished["reasoning_format"] = "hidden"
    return asked, wished
