from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel

from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ChatMessage, LLMEvent, ProviderContext, ToolSpec
from voicebot_llm_openai import OpenAIConfig, OpenAILLM
from voicebot_llm_stub.child import Child
from voicebot_llm_stub.config import StubConfig

__all__ = ["StubLLM"]


class StubLLM:
    """Ready-made answers at a given speed, from a server in a process of its own.

    They come through `OpenAILLM`, so that what is measured has the cost of a real client, a real socket and a real
    stream in it.
    """

    Config: ClassVar[type[BaseModel]] = StubConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, languages=("en",), licence="Apache-2.0")

    def __init__(self, config: StubConfig, context: ProviderContext) -> None:
        self._config = config
        self._context = context
        self._child: Child | None = None
        self._client: OpenAILLM | None = None
        self._closed = False

    @classmethod
    def required_models(cls, config: StubConfig) -> Sequence[str]:
        return ()

    @property
    def url(self) -> str:
        """Where the server listens, as http://127.0.0.1:40123; "" before `warmup`."""
        return f"http://127.0.0.1:{self._child.port}" if self._child is not None else ""

    async def warmup(self) -> None:
        """Start the server and connect to it.

        Raises:
            EngineError: it does not start, or this was closed.
        """
        if self._closed:
            raise EngineError("The language model was closed.")
        if self._client is not None:
            return
        try:
            self._child = await Child.start(self._config)
            config = OpenAIConfig(base_url=f"{self.url}/v1", model="stub")
            self._client = OpenAILLM(config, self._context)
            await self._client.warmup()
        except BaseException:
            await self._release()
            raise

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        """As `OpenAILLM.generate`.

        Raises:
            EngineError: not warmed up, closed, or told to misbehave.
        """
        if self._client is None:
            raise EngineError(
                "The language model was closed." if self._closed else "The stub server is not running."
            )
        async with aclosing(self._client.generate(messages)) as stream:
            async for event in stream:
                yield event

    async def requests(self) -> list[dict[str, Any]]:
        """What the server was asked and what became of it, oldest first: see `voicebot_llm_stub.server.Record`.

        Raises:
            EngineError: it is not running.
        """
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                records: list[dict[str, Any]] = (await client.get(f"{self.url}/requests")).json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineError("The stub server is not running.") from error
        return records

    async def aclose(self) -> None:
        self._closed = True
        await self._release()

    async def _release(self) -> None:
        client, self._client = self._client, None
        child, self._child = self._child, None
        try:
            if client is not None:
                await client.aclose()
        finally:
            if child is not None:
                await child.aclose()
