"""A language model that calls tools as a script says, and an answer of it put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from voicebot.clock import now
from voicebot.interfaces import ChatMessage, LLMEvent, TextDelta, TokenUsage, ToolCall, ToolSpec
from voicebot.tools import Conversation, Tool, ToolCallSettings, ToolEvent, ToolRunner, tool_from

Step = LLMEvent | str | float | BaseException
"""A piece of text, a wait in seconds, something to raise, or an event as it is."""


class ToolLLM:
    """Each request takes the next script; the last one is repeated."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self.scripts = list(scripts)
        self.asked: list[tuple[list[ChatMessage], list[str]]] = []
        self.running = 0

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        self.asked.append((list(messages), [tool.name for tool in tools]))
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        self.running += 1
        try:
            for step in script:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield TextDelta(step) if isinstance(step, str) else step
        finally:
            self.running -= 1

    def results(self) -> list[str]:
        """What the last request said of the tools' results."""
        return [message.content for message in self.asked[-1][0] if message.role == "tool"]


class Answer:
    """Runs one conversation and keeps what it says."""

    def __init__(
        self, llm: ToolLLM, *tools: Tool | Callable[..., Any], committed: bool = True, **settings: Any
    ) -> None:
        self.llm = llm
        made = [tool if isinstance(tool, Tool) else tool_from(tool) for tool in tools]
        self.runner = ToolRunner(made, ToolCallSettings(**settings))
        self.committed = asyncio.Event()
        if committed:
            self.committed.set()
        self.speaking = False
        self.fillers: list[tuple[float, str]] = []
        self.events: list[ToolEvent] = []
        self.text = ""
        self.usage: list[TokenUsage] = []
        self.conversation = Conversation(
            llm.generate,
            self.runner,
            committed=self.committed,
            language="en-GB",
            on_filler=lambda text: self.fillers.append((round(now(), 3), text)),
            speaking=lambda: self.speaking,
            on_tool=self.events.append,
        )

    async def run(self) -> Answer:
        messages = [ChatMessage("system", "Be brief."), ChatMessage("user", "What now?")]
        async for event in self.conversation.answer(messages):
            if isinstance(event, TextDelta):
                self.text += event.text
            else:
                self.usage.append(event)
        return self


def call(name: str, arguments: str = "{}", call_id: str = "1") -> ToolCall:
    return ToolCall(call_id, name, arguments)
