"""Language models in a chain."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from voicebot.fallback.provider import FallbackProvider
from voicebot.fallback.streaming import stream_through
from voicebot.interfaces import LLM, ChatMessage, LLMEvent, TextDelta, ToolCall, ToolSpec

__all__ = ["FallbackLLM", "without_tools"]


class FallbackLLM(FallbackProvider[LLM]):
    """Answers with the first model that does.

    Once text or a tool call has been handed on, a failure is the caller's: what was said cannot be begun anew.
    """

    def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        def ask(llm: LLM) -> AsyncGenerator[LLMEvent, None]:
            if not llm.capabilities.tools:
                return llm.generate(without_tools(messages))
            return llm.generate(messages, tools) if tools else llm.generate(messages)

        return stream_through(
            self._chain, ask, what="token", counts=_is_answer, nothing="it had nothing to say"
        )


def _is_answer(event: LLMEvent) -> bool:
    return isinstance(event, ToolCall) or (isinstance(event, TextDelta) and bool(event.text.strip()))


def without_tools(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The conversation for a model that knows no tools: what they found is told with the user's words."""
    told: list[ChatMessage] = []
    for message in messages:
        if message.role == "tool":
            index = next((i for i in reversed(range(len(told))) if told[i].role == "user"), None)
            if index is not None:
                told[index] = replace(told[index], content=f"{told[index].content}\n\n({message.content})")
        elif not message.tool_calls:
            told.append(message)
        # What it said while it called them is left out with the calls: the user's message stays the last.
    return told
