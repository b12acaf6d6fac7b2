"""Against a server that we have not written: llama.cpp's, at Groq's addresses."""

from __future__ import annotations

import asyncio

import pytest
from tests.plugins.llm_groq.support import collect, provider, text_of
from tests.support.llama_server import KEY, QUESTION, llama_server

from voicebot.interfaces import ToolSpec
from voicebot.models import ModelStore

pytestmark = pytest.mark.engine
TOOL = ToolSpec(
    "weather", "The weather in a city.", {"type": "object", "properties": {"city": {"type": "string"}}}
)
SETTINGS = {"api_key": KEY, "model": "any", "check_model": False, "temperature": 0.0, "max_tokens": 60}


def test_it_answers(model_store: ModelStore) -> None:
    async def main() -> None:
        with llama_server(model_store, "/openai") as url:
            llm = provider(url, **SETTINGS)
            try:
                await llm.warmup()
                events = await collect(llm, QUESTION)
                assert "Paris" in text_of(events)
                assert await collect(llm, QUESTION, [TOOL])  # taken, whatever the small model makes of it
            finally:
                await llm.aclose()

    asyncio.run(main())
