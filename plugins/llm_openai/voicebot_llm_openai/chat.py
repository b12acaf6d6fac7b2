"""Conversations with a chat-completions server, whatever its dialect."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, LLMEvent, ToolSpec
from voicebot_llm_openai.answer import AnswerReader
from voicebot_llm_openai.config import OpenAIConfig
from voicebot_llm_openai.failures import said
from voicebot_llm_openai.line import Line, Refused, body_of, rest_of
from voicebot_llm_openai.models import check_model, model_ids
from voicebot_llm_openai.tools import message_json, tool_json

__all__ = ["Chat", "Dialect"]

_NOT_STREAMED = frozenset({"application/json", "text/html"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server differs from the others."""

    send: Callable[[httpx.AsyncClient, dict[str, Any]], Awaitable[httpx.Response]] | None = None
    """Sends the body of a request by this client, and returns the response before it is read."""
    check: Callable[[str, list[str], str], None] = check_model
    """As `check_model`."""
    key_variable: str = "OPENAI_API_KEY"
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
        self._line: Line | None = None
        self._closed = False
        self._asks_usage = self._dialect.asks_usage
        self._limit_name = self._dialect.limit_name
        self._wishes = dict(self._dialect.wishes)

    async def warmup(self) -> None:
        """Connect, and see that the server knows the key and the model, as far as it tells before it is asked.

        Raises:
            EngineError: it does not, or there is no such server.
        """
        line = self._server()
        await self._look(line)
        if self._config.warmup_request:
            system = self._system_prompt
            beginning = [ChatMessage("system", system)] if system else []
            async with aclosing(self.generate([*beginning, ChatMessage("user", "Hello!")])) as answer:
                async for _ in answer:
                    break
            await line.touch()  # stopping the answer has closed the connection
        line.keep_open()

    async def _look(self, line: Line) -> None:
        try:
            body = await line.get("/models")
        except Refused as refused:
            # A server may have no list, or not let every key see it.
            if refused.status == 401 or (refused.status >= 500 and refused.status != 501):
                raise line.explain(refused) from None
            return
        ids = model_ids(body)
        if not self._config.check_model:
            return
        if ids is not None:
            self._dialect.check(self._config.model, ids, line.where)
        elif body.lstrip()[:1] == b"<":
            raise _no_api(line.where)

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        """Stream an answer: text, tool calls, then the token usage where the server tells it.

        Closing the generator closes the connection at once, which stops the server; another is then made ready.

        Raises:
            EngineError: closed; the server cannot be reached, refuses, fails, sends what is no chat completion, cuts
                the answer off, or gives one with neither text nor tool calls.
        """
        line = self._server()
        reader = AnswerReader(line.secrets)
        async with self._asked(line, messages, tools) as response:
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind in _NOT_STREAMED:
                raise await _unstreamed(line, response, kind)
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
        self, line: Line, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
    ) -> AsyncIterator[httpx.Response]:
        while True:
            try:
                async with self._sent(line, self._body(messages, tools)) as response:
                    yield response
                    return
            except Refused as refused:
                if not self._adapt(said(refused.body, line.secrets), refused.status):
                    raise line.explain(refused) from None

    @asynccontextmanager
    async def _sent(self, line: Line, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        send = self._dialect.send
        if send is None:
            async with line.post("/chat/completions", body) as response:
                yield response
        else:
            client = await line.open()
            async with line.stream(lambda: send(client, body)) as response:
                yield response

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

    def _server(self) -> Line:
        if self._closed:
            raise EngineError("The language model was closed.")
        self._line = self._line or Line(self._config, key_variable=self._dialect.key_variable)
        return self._line

    async def aclose(self) -> None:
        self._closed = True
        if self._line is not None:
            await self._line.aclose()


async def _unstreamed(line: Line, response: httpx.Response, kind: str) -> EngineError:
    if kind == "text/html":
        return _no_api(line.where)
    words = said(await body_of(response), line.secrets)
    return EngineError(
        f"{line.where} answered in one piece instead of a stream{f': {words}' if words else ''}.",
        hint="This plugin needs a server that streams (`stream: true`).",
    )


def _no_api(where: str) -> EngineError:
    return EngineError(f"{where} answered with a web page.", hint="Check base_url: it usually ends in /v1.")
