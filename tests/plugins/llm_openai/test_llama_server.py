"""Against a server that we have not written: llama.cpp's, with a small model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing

import httpx
import pytest
from tests.support.llama_server import KEY, QUESTION, llama_server

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, TextDelta, TokenUsage, ToolCall, ToolSpec
from voicebot.models import ModelStore
from voicebot.testing.conformance import LLMConformance
from voicebot.testing.engines import context
from voicebot_llm_openai import OpenAIConfig, OpenAILLM

pytestmark = pytest.mark.engine
TOOL = ToolSpec(
    "weather", "The weather in a city.", {"type": "object", "properties": {"city": {"type": "string"}}}
)


def provider(url: str, **settings: object) -> OpenAILLM:
    values = {
        "base_url": f"{url}/v1",
        "api_key": KEY,
        "model": "any",
        "check_model": False,
        "temperature": 0.0,
    }
    return OpenAILLM(OpenAIConfig.model_validate({**values, "max_tokens": 40, **settings}), context())


def run(store: ModelStore, use: Callable[[OpenAILLM, str], Awaitable[None]], **settings: object) -> None:
    async def main() -> None:
        with llama_server(store) as url:
            llm = provider(url, **settings)
            try:
                await use(llm, url)
            finally:
                await llm.aclose()

    asyncio.run(main())


def test_it_answers_in_pieces(model_store: ModelStore) -> None:
    async def use(llm: OpenAILLM, url: str) -> None:
        await llm.warmup()
        events = [event async for event in llm.generate(QUESTION)]
        texts = [event.text for event in events if isinstance(event, TextDelta)]
        assert "Paris" in "".join(texts)
        assert len(texts) > 2
        (usage,) = [event for event in events if isinstance(event, TokenUsage)]
        assert usage.prompt_tokens > 10
        assert usage.completion_tokens >= len(texts) - 1

    run(model_store, use)


def test_a_stopped_answer_frees_the_server(model_store: ModelStore) -> None:
    async def use(llm: OpenAILLM, url: str) -> None:
        story = [ChatMessage("user", "Tell me a very long story.")]
        async with aclosing(llm.generate(story)) as stream:
            await anext(stream)
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as client:
            while (await client.get(f"{url}/slots")).json()[0]["is_processing"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    run(model_store, use, max_tokens=900, extra_body={"ignore_eos": True})


def test_a_wrong_key_is_refused(model_store: ModelStore) -> None:
    async def use(llm: OpenAILLM, url: str) -> None:
        with pytest.raises(EngineError, match="refuses the API key") as caught:
            await anext(llm.generate(QUESTION))
        assert not caught.value.retryable

    run(model_store, use, api_key="sk-wrong")


def test_tools_and_their_results_are_sent_as_it_wants_them(model_store: ModelStore) -> None:
    """It refuses a request that has not the right form; what the small model makes of tools is not judged."""

    async def use(llm: OpenAILLM, url: str) -> None:
        call = ToolCall("call_1", "weather", '{"city": "Paris"}')
        messages = [
            *QUESTION,
            ChatMessage("assistant", "", (call,)),
            ChatMessage("tool", "Sunny.", tool_call_id=call.id),
        ]
        events = [event async for event in llm.generate(messages, [TOOL])]
        assert any(isinstance(event, TextDelta | ToolCall) for event in events)
        assert isinstance(events[-1], TokenUsage)

    run(model_store, use)


class TestItConforms(LLMConformance):
    @pytest.fixture(autouse=True)
    def given(self, llama_url: str) -> None:
        self.url = llama_url

    def make(self) -> OpenAILLM:
        return provider(self.url, max_tokens=12)


@pytest.fixture(scope="module")
def llama_url(model_store: ModelStore) -> Iterator[str]:
    with llama_server(model_store) as url:
        yield url
