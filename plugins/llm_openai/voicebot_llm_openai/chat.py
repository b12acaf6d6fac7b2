"""Conversations with a chat-completions server, whatever its dialect."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, LLMEvent, ToolSpec
from voicebot.servers.client import Refused, body_of, media_type
from voicebot.servers.failures import said, web_page
from voicebot.servers.line import CheckModel, Line, rest_of
from voicebot.servers.models import check_model
from voicebot_llm_openai.answer import AnswerReader
from voicebot_llm_openai.config import OpenAIConfig
from voicebot_llm_openai.tools import message_json, tool_json

__all__ = ["Chat", "Dialect"]

_NOT_STREAMED = frozenset({"application/json", "text/html"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server differs from the others."""

    send: Callable[[httpx.AsyncClient, dict[str, Any]], Awaitable[httpx.Response]] | None = None
    """Sends the body of a request by this client, and returns the response before it is read."""
    check: CheckModel = check_model
    key_variable: str = ""
    """The environment variable in which people keep the key; "" for what is known of the host."""
    limit_name: str = "max_tokens"
    asks_usage: bool = True
    """`stream_options` asks for the usage."""
    wishes: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of each request; one that the server refuses by name is not sent again."""


class Chat:
    """A model behind a server.

    Nothing is tried twice but a request that the server refuses because it does not know `stream_options` or a wish, or
    wants `max_completion_tokens` for `max_tokens`: it is sent in the server's words, and so are all later ones.

    Args:
        system_prompt: what `warmup_request` begins with.
    """

    def __init__(self, config: OpenAIConfig, system_prompt: str, dialect: Dialect | None = None) -> None:
        self._config = config
        self._system_prompt = system_prompt
        self._dialect = dialect or Dialect()
        self._line = Line(
            config,
            "The language model",
            what="chat completions at that address",
            key_variable=self._dialect.key_variable,
        )
        self._asks_usage = self._dialect.asks_usage
        self._limit_name = self._dialect.limit_name
        self._wishes = dict(self._dialect.wishes)

    async def warmup(self) -> None:
        """Connect, and see that the server knows the key and the model, as far as it tells before it is asked.

        Raises:
            EngineError: it does not, or there is no such server.
        """
        await self._line.look(self._dialect.check)
        if self._config.warmup_request:
            system = self._system_prompt
            beginning = [ChatMessage("system", system)] if system else []
            async with aclosing(self.generate([*beginning, ChatMessage("user", "Hello!")])) as answer:
                async for _ in answer:
                    break
            await self._line.touch()  # stopping the answer has closed the connection
        self._line.keep_open()

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        """Stream an answer: text, tool calls, then the token usage where the server tells it.

        Closing the generator closes the connection at once, which stops the server; another is then made ready.

        Raises:
            EngineError: closed; the server cannot be reached, refuses, fails, sends what is no chat completion, cuts
                the answer off, or gives one with neither text nor tool calls.
        """
        reader = AnswerReader(self._line.secrets)
        async with self._asked(messages, tools) as response:
            if media_type(response) in _NOT_STREAMED:
                raise await self._unstreamed(response)
            chunks = response.aiter_bytes()
            async for chunk in chunks:
                for event in reader.feed(chunk):
                    yield event
                if reader.done:
                    break
            for event in reader.end():
                yield event
            await rest_of(chunks)

    @asynccontextmanager
    async def _asked(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
    ) -> AsyncIterator[httpx.Response]:
        while True:
            try:
                async with self._sent(self._body(messages, tools)) as response:
                    yield response
                    return
            except Refused as refused:
                complaint = said(refused.body, self._line.secrets)
                if self._adapt(complaint, refused.status):
                    continue
                error = self._line.explain(refused)
                if refused.status in {400, 413} and "context" in complaint.lower():
                    error.hint = "Lower agent.history_turns or max_tokens, or shorten the system prompt."
                raise error from None

    @asynccontextmanager
    async def _sent(self, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        send = self._dialect.send
        if send is None:
            headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
            content = json.dumps(body).encode()
            async with self._line.post("/chat/completions", content=content, headers=headers) as response:
                yield response
        else:
            client = await self._line.open()
            async with self._line.stream(lambda: send(client, body)) as response:
                yield response

    async def _unstreamed(self, response: httpx.Response) -> EngineError:
        where = self._line.where
        if media_type(response) == "text/html":
            return web_page(where)
        words = said(await body_of(response), self._line.secrets)
        return EngineError(
            f"{where} answered in one piece instead of a stream{f': {words}' if words else ''}.",
            hint="This plugin needs a server that streams (`stream: true`).",
        )

    def _body(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> dict[str, Any]:
        config = self._config
        body: dict[str, Any] = {
            "model": config.model,
            "messages": [message_json(message) for message in messages],
            "stream": True,
        }
        if tools:
            body["tools"] = [tool_json(tool) for tool in tools]
        if self._asks_usage:
            body["stream_options"] = {"include_usage": True}
        if config.temperature is not None:
            body["temperature"] = config.temperature
        if config.max_tokens is not None:
            body[self._limit_name] = config.max_tokens
        return {**body, **self._wishes, **config.extra_body}

    def _adapt(self, complaint: str, status: int) -> bool:
        """Learn the server's words from what it refused; False where there is nothing to learn."""
        if status not in {400, 422}:
            return False
        if self._asks_usage and ("stream_options" in complaint or "include_usage" in complaint):
            self._asks_usage = False
            return True
        if self._limit_name == "max_tokens" and "max_completion_tokens" in complaint:
            self._limit_name = "max_completion_tokens"
            return True
        if refused := next((name for name in self._wishes if name in complaint), ""):
            del self._wishes[refused]
            return True
        return False

    async def aclose(self) -> None:
        await self._line.aclose()
