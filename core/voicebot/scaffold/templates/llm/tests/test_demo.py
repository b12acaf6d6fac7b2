from __future__ import annotations

import asyncio

import pytest
from voicebot.interfaces import ChatMessage, TextDelta
from voicebot.testing import context
from voicebot.testing.conformance import LLMConformance

from voicebot_llm_demo import DemoConfig, DemoLLM


class TestDemo(LLMConformance):
    def make(self) -> DemoLLM:
        return DemoLLM(DemoConfig(), context())


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("I am tired of my job.", "How long have you been tired of your job?"),
        ("What do you think?", "What makes you ask: What do I think?"),
        ("Hello.", "I see."),
        ("", "I see."),
    ],
)
def test_it_asks_back(said: str, answered: str) -> None:
    async def answer() -> str:
        llm = DemoLLM(DemoConfig(otherwise="I see."), context())
        messages = [ChatMessage("system", "Be kind."), ChatMessage("user", said)]
        events = [event async for event in llm.generate(messages)]
        return "".join(event.text for event in events if isinstance(event, TextDelta))

    assert asyncio.run(answer()) == answered
