"""Calls in which the language model calls tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel
from tests.core.session.call import Call
from tests.core.tools.scripted import Step, ToolLLM, call

from voicebot.events import AgentClause, ToolCalled
from voicebot.interfaces import Capabilities, ChatMessage
from voicebot.settings import ToolCallSettings
from voicebot.testing import NoConfig, Say, Silence
from voicebot.tools import ToolRunner, tool_from


class ToolProvider(ToolLLM):
    Config: ClassVar[type[BaseModel]] = NoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(tools=True)

    def __init__(
        self, config: Any = None, context: Any = None, *, scripts: Sequence[Sequence[Step]] = ()
    ) -> None:
        super().__init__(*scripts)

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        return ()

    async def warmup(self) -> None: ...

    async def aclose(self) -> None: ...


class ToolCalls(Call):
    def __init__(
        self,
        script: Sequence[Say | Silence],
        texts: Sequence[str],
        scripts: Sequence[Sequence[Step]],
        tools: Sequence[Callable[..., Any]],
        **settings: object,
    ) -> None:
        super().__init__(script, texts=texts, replies=(), **settings)
        self.llm = self.tool_llm = ToolProvider(scripts=scripts)  # type: ignore[assignment]
        self.tools = ToolRunner([tool_from(tool) for tool in tools], ToolCallSettings())


def test_a_tool_is_called_and_its_result_said() -> None:
    async def weather(city: str) -> str:
        """Say what the weather is."""
        await asyncio.sleep(3)
        return f"rain in {city}"

    held = ToolCalls(
        [Say(1), Silence(12), Say(1), Silence(6)],
        ["What is the weather?", "And now?"],
        [["Let me look.", call("weather", '{"city": "Rom"}')], ["It rains."], ["It still rains."]],
        [weather],
    )
    report = held.run()
    assert [turn.heard_text for turn in report.turns] == [
        "Let me look. One moment, please. It rains.",
        "It still rains.",
    ]
    assert report.turns[0].tools == [{"name": "weather", "ms": pytest.approx(3000, abs=1), "problem": ""}]
    assert [(event.tool, event.turn_id) for event in held.observed if isinstance(event, ToolCalled)] == [
        ("weather", 1)
    ]
    said = [event.text for event in held.observed if isinstance(event, AgentClause)]
    assert said == ["Let me look.", "One moment, please.", "It rains.", "It still rains."]
    # The next exchange knows of it.
    assert held.tool_llm.asked[2][0][1:] == [
        ChatMessage("user", "What is the weather?"),
        ChatMessage("assistant", "", (call("weather", '{"city": "Rom"}'),)),
        ChatMessage("tool", "rain in Rom", tool_call_id="1"),
        ChatMessage("assistant", "Let me look. One moment, please. It rains."),
        ChatMessage("user", "And now?"),
    ]


def test_no_tool_is_called_for_a_guess_that_is_dropped() -> None:
    called: list[str] = []

    async def order(article: str) -> str:
        """Order."""
        called.append(article)
        return "ordered"

    held = ToolCalls(
        [Say(1), Silence(0.25), Say(1), Silence(6)],
        ["A lamp.", "A lamp. No, a chair."],
        [[call("order", '{"article": "lamp"}')], [call("order", '{"article": "chair"}')], ["Done."]],
        [order],
        speculation={"enabled": True, "min_idle": 0},
    )
    report = held.run()
    assert report.discarded_speculations >= 1
    assert called == ["chair"]


def test_an_interruption_cancels_a_tool() -> None:
    ended: list[str] = []

    async def search(what: str) -> str:
        """Search."""
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(what)
        return "found"

    held = ToolCalls(
        [Say(1), Silence(3), Say(1), Silence(6)],
        ["Look for a lamp.", "Forget it."],
        [["I am looking.", call("search", '{"what": "lamp"}')], ["All right."]],
        [search],
    )
    report = held.run()
    assert ended == ["lamp"]
    assert [turn.reason for turn in report.turns] == ["interrupted", "finished"]
    assert [message.content for message in held.tool_llm.asked[1][0] if message.role == "tool"] == [
        "Error: interrupted; whether it was done is not known."
    ]
