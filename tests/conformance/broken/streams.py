"""What an answer that is streamed can get wrong: language models and voices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import numpy as np
from tests.conformance.proof import breaks, wait_for_the_end
from tests.conformance.right import RightLLM, RightTTS, is_long

from voicebot.audio import AudioChunk
from voicebot.interfaces import ChatMessage, LLMEvent, SynthesisEvent, TextDelta, ToolSpec
from voicebot.testing.conformance import LLMConformance, TTSConformance


@breaks(TTSConformance, "test_closing_stops_the_work", "It still works … s after its stream was closed.")
class GoesOnInAThread(RightTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        if is_long(text):
            asyncio.get_running_loop().run_in_executor(None, wait_for_the_end)
        async for event in super().synthesize(text):
            yield event


@breaks(TTSConformance, "test_closing_stops_the_work", "Closing a stream takes longer than … s.")
class TakesItsTime(RightTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        try:
            async for event in super().synthesize(text):
                yield event
        except GeneratorExit:
            if is_long(text):
                await asyncio.sleep(0.5)
            raise


class Unstoppable:
    """A stream whose `aclose` does nothing."""

    def __init__(self) -> None:
        self.words = ["Hello", " there", "."]

    def __aiter__(self) -> Unstoppable:
        return self

    async def __anext__(self) -> LLMEvent:
        if not self.words:
            raise StopAsyncIteration
        await asyncio.sleep(0)
        return TextDelta(self.words.pop(0))

    async def aclose(self) -> None: ...


@breaks(LLMConformance, "test_nothing_comes_after_closing", "A closed stream still brings something.")
class SpeaksWhenClosed(RightLLM):
    def generate(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()) -> Any:
        return Unstoppable()


@breaks(
    LLMConformance,
    "test_cancelling_ends_as_cancelled",
    "Cancelled work does not end as cancelled: it keeps the CancelledError to itself.",
)
class KeepsTheCancelledError(RightLLM):
    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        try:
            async for event in super().generate(messages):
                yield event
        except asyncio.CancelledError:
            return


@breaks(
    TTSConformance,
    "test_unread_it_waits",
    "It runs ahead of a reader that does not read: more than … KiB are held.",
)
class RunsAhead(RightTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        if not is_long(text):
            async for event in super().synthesize(text):
                yield event
            return
        made: asyncio.Queue[AudioChunk] = asyncio.Queue()
        making = asyncio.create_task(self.make(made))
        try:
            while True:
                yield await made.get()
        finally:
            making.cancel()

    async def make(self, made: asyncio.Queue[AudioChunk]) -> None:
        for _ in range(10):
            made.put_nowait(AudioChunk(np.ones(50_000, np.int16), 16_000))
