from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel

from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ChatMessage, LLMEvent, ProviderContext
from voicebot_llm_openai.answer import AnswerReader
from voicebot_llm_openai.config import OpenAIConfig
from voicebot_llm_openai.failures import said
from voicebot_llm_openai.line import Line, Refused, body_of, rest_of
from voicebot_llm_openai.models import check_model, model_ids

__all__ = ["OpenAILLM"]

_NOT_STREAMED = frozenset({"application/json", "text/html"})


class OpenAILLM:
    """A model behind an OpenAI-compatible chat-completions server, streamed.

    Nothing is tried twice but a request that the server refuses because it does not know `stream_options`, or wants
    `max_completion_tokens` for `max_tokens`: it is sent in the server's words, and so are all later ones.
    """

    Config: ClassVar[type[BaseModel]] = OpenAIConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True, needs_network=True, licence="Apache-2.0"
    )

    def __init__(self, config: OpenAIConfig, context: ProviderContext) -> None:
        self._config = config
        self._context = context
        self._line: Line | None = None
        self._closed = False
        self._asks_usage = True
        self._limit_name = "max_tokens"

    @classmethod
    def required_models(cls, config: OpenAIConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Connect, and see that the server knows the key and the model, as far as it tells before it is asked.

        Raises:
            EngineError: it does not, or there is no such server.
        """
        line = self._server()
        await self._look(line)
        if self._config.warmup_request:
            system = self._context.system_prompt
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
            check_model(self._config.model, ids, line.where)
        elif body.lstrip()[:1] == b"<":
            raise _no_api(line.where)

    async def generate(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[LLMEvent, None]:
        """Stream an answer: text, then the token usage where the server tells it.

        Closing the generator closes the connection at once, which stops the server; another is then made ready.

        Raises:
            EngineError: closed; the server cannot be reached, refuses, fails, sends what is no chat completion, cuts
                the answer off, or gives one without text.
        """
        line = self._server()
        reader = AnswerReader(line.secrets)
        async with self._asked(line, messages) as response:
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
    async def _asked(self, line: Line, messages: Sequence[ChatMessage]) -> AsyncIterator[httpx.Response]:
        while True:
            try:
                async with line.post("/chat/completions", self._body(messages)) as response:
                    yield response
                    return
            except Refused as refused:
                if not self._adapt(said(refused.body, line.secrets), refused.status):
                    raise line.explain(refused) from None

    def _body(self, messages: Sequence[ChatMessage]) -> dict[str, Any]:
        config = self._config
        body: dict[str, Any] = {
            "model": config.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
        }
        if self._asks_usage:
            body["stream_options"] = {"include_usage": True}
        if config.temperature is not None:
            body["temperature"] = config.temperature
        if config.max_tokens is not None:
            body[self._limit_name] = config.max_tokens
        return {**body, **config.extra_body}

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
        return False

    def _server(self) -> Line:
        if self._closed:
            raise EngineError("The language model was closed.")
        self._line = self._line or Line(self._config)
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
