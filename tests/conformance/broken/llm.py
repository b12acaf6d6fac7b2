"""What a language model can get wrong."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from tests.conformance.proof import breaks
from tests.conformance.right import RightLLM, is_long

from voicebot.interfaces import ChatMessage, LLMEvent, TokenUsage, ToolCall, ToolSpec
from voicebot.testing.conformance import LLMConformance as Kit


@breaks(Kit, "test_it_answers", "It answers nothing.")
class Mute(RightLLM):
    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        yield TokenUsage(3, 0)


@breaks(Kit, "test_events_are_of_the_interface", "Among its answer is ['Hello'].")
class PlainStrings(RightLLM):
    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[Any, None]:
        yield "Hello"
        async for event in super().generate(messages):
            yield event


@breaks(Kit, "test_it_calls_no_tool_unasked", "It calls tools that it was not given: ['weather'].")
class CallsUnasked(RightLLM):
    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        async for event in super().generate(messages):
            yield event
        yield ToolCall("1", "weather", "{}")


@breaks(Kit, "test_a_conversation_goes_on", "It answers nothing to a second question.")
class AnswersOnce(RightLLM):
    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        if any(message.role == "assistant" for message in messages):
            return
        async for event in super().generate(messages):
            yield event


@breaks(Kit, "test_after_closing_it_answers", "After a stream was closed it answers nothing.")
class SpoiltByClosing(RightLLM):
    spoilt = False

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        if self.spoilt and not is_long(messages[-1].content):
            self.spoilt = False
            return
        try:
            async for event in super().generate(messages):
                yield event
        except GeneratorExit:
            self.spoilt = is_long(messages[-1].content)
            raise


@breaks(Kit, "test_answers_side_by_side", "Of two questions at a time it does not answer both.")
class OneAtATime(RightLLM):
    busy = False

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        if self.busy:
            return
        self.busy = True
        try:
            async for event in super().generate(messages):
                yield event
        finally:
            self.busy = False
