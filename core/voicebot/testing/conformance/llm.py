"""What is asked of a language model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from voicebot.interfaces import LLM, ChatMessage, LLMEvent, TextDelta, TokenUsage, ToolCall
from voicebot.testing.conformance.provider import checked
from voicebot.testing.conformance.rules import expect
from voicebot.testing.conformance.streams import StreamConformance

__all__ = ["LLMConformance"]

_QUESTION = (ChatMessage("system", "You are brief."), ChatMessage("user", "Say hello."))


class LLMConformance(StreamConformance[LLM]):
    result = TextDelta

    def short_stream(self, provider: LLM) -> AsyncGenerator[LLMEvent, None]:
        return provider.generate(_QUESTION)

    def long_stream(self, provider: LLM) -> AsyncGenerator[LLMEvent, None]:
        return provider.generate([_QUESTION[0], ChatMessage("user", "Tell me a long story about a journey.")])

    async def answer(self, llm: LLM) -> list[LLMEvent]:
        """All of a short one."""
        found = self.stage.found
        if "answer" not in found:
            found["answer"] = await _answer(llm)
        answer: list[LLMEvent] = found["answer"]
        return answer

    async def expect_text(self, llm: LLM, answers: Iterable[list[LLMEvent]], complaint: str) -> None:
        """In each of them, if it answers at all."""
        able = bool(_text(await self.answer(llm)))
        expect(not able or all(map(_text, answers)), complaint)

    @checked
    async def test_it_answers(self, llm: LLM) -> None:
        """There is text in an answer."""
        expect(bool(_text(await self.answer(llm))), "It answers nothing.")

    @checked
    async def test_events_are_of_the_interface(self, llm: LLM) -> None:
        """An answer is made of `TextDelta`, `ToolCall` and `TokenUsage`."""
        wrong = [e for e in await self.answer(llm) if not isinstance(e, TextDelta | ToolCall | TokenUsage)]
        expect(not wrong, f"Among its answer is {wrong[:1]}.")

    @checked
    async def test_it_calls_no_tool_unasked(self, llm: LLM) -> None:
        """Without tools, no `ToolCall` is in the answer."""
        calls = [event.name for event in await self.answer(llm) if isinstance(event, ToolCall)]
        expect(not calls, f"It calls tools that it was not given: {calls}.")

    @checked
    async def test_a_conversation_goes_on(self, llm: LLM) -> None:
        """It answers what follows from an earlier answer of its own."""
        said = _text(await self.answer(llm)) or "Hello."
        more = [*_QUESTION, ChatMessage("assistant", said), ChatMessage("user", "And say goodbye.")]
        await self.expect_text(llm, [await _answer(llm, more)], "It answers nothing to a second question.")

    @checked
    async def test_after_closing_it_answers(self, llm: LLM) -> None:
        """A stream that was closed early spoils nothing."""
        await (await self.begun(self.long_stream(llm))).aclose()
        await self.expect_text(llm, [await _answer(llm)], "After a stream was closed it answers nothing.")

    @checked
    async def test_answers_side_by_side(self, llm: LLM) -> None:
        """Two questions at a time are both answered."""
        both = await asyncio.gather(_answer(llm), _answer(llm))
        await self.expect_text(llm, both, "Of two questions at a time it does not answer both.")


async def _answer(llm: LLM, messages: Sequence[ChatMessage] = _QUESTION) -> list[LLMEvent]:
    async with aclosing(llm.generate(messages)) as stream:
        return [event async for event in stream]


def _text(events: list[LLMEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta)).strip()
