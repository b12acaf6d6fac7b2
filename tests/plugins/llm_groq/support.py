"""The plugin with a fake Groq around it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, LLMEvent, TextDelta, ToolSpec
from voicebot.testing.engines import context
from voicebot.testing.fakes import groq
from voicebot.testing.fakes.http import FakeServer, Handler, Request
from voicebot_llm_groq import GroqConfig, GroqLLM

KEY = "gsk_9f8e7d6c5b4a-very-secret"
CHAT = "/openai/v1/chat/completions"
QUESTION = [ChatMessage("system", "You are brief."), ChatMessage("user", "Grüße 🙂")]
ANSWER = "You said: Grüße 🙂"

Use = Callable[[GroqLLM, FakeServer], Awaitable[None]]


def provider(url: str, **settings: object) -> GroqLLM:
    values = {"base_url": url, "api_key": KEY, **settings}
    return GroqLLM(GroqConfig.model_validate(values), context(system_prompt="You are brief."))


def run(
    use: Use, handler: Handler | None = None, *, fake: dict[str, Any] | None = None, **settings: object
) -> None:
    """Use a provider with a fake Groq around it."""

    async def main() -> None:
        async with FakeServer(handler or groq.app(api_key=KEY, **(fake or {}))) as server:
            llm = provider(server.url, **settings)
            try:
                async with asyncio.timeout(60):
                    await use(llm, server)
            finally:
                await llm.aclose()
                await llm.aclose()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


async def collect(
    llm: GroqLLM, messages: Sequence[ChatMessage] = QUESTION, tools: Sequence[ToolSpec] = ()
) -> list[LLMEvent]:
    async with aclosing(llm.generate(messages, tools)) as stream:
        return [event async for event in stream]


def text_of(events: list[LLMEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def chats(server: FakeServer) -> list[Request]:
    return [request for request in server.requests if request.path == CHAT]


async def failure(llm: GroqLLM, *, after: str | None = "") -> EngineError:
    """What an answer raises, after this text (None: after some of it); it shows no secret."""
    text = ""
    try:
        async with aclosing(llm.generate(QUESTION)) as stream:
            async for event in stream:
                text += event.text if isinstance(event, TextDelta) else ""
    except EngineError as error:
        told = f"{error}{error!r}{''.join(traceback.format_exception(error))}"
        assert KEY not in told
        assert text == after if after is not None else text and ANSWER.startswith(text) and text != ANSWER
        return error
    raise AssertionError(f"no error, but {text!r}")
