"""The checks fail on plugins that are wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import numpy as np
import pytest

from voicebot.audio import AudioChunk, Samples
from voicebot.interfaces import (
    ChatMessage,
    LLMEvent,
    SynthesisEvent,
    TextDelta,
    ToolSpec,
    TurnContext,
    TurnVerdict,
    WordMark,
)
from voicebot.testing import LoudnessVAD, ScriptedLLM, ScriptedSTT, ScriptedTTS, ScriptedTurn, tone
from voicebot.testing.conformance import (
    ConformanceError,
    check_end_of_turn,
    check_llm,
    check_stt,
    check_tts,
    check_vad,
)

SPEECH = AudioChunk(tone(1.0), 16_000)


def quick_stt(text: str = "hello") -> ScriptedSTT:
    return ScriptedSTT([lambda seconds: text] * 2 + [""] + [text] * 9, final_s=0)


def test_scripted_engines_conform() -> None:
    check_vad(LoudnessVAD, SPEECH)
    check_stt(quick_stt, SPEECH, "hello")
    check_llm(lambda: ScriptedLLM(ttft_s=0, word_s=0))
    check_tts(lambda: ScriptedTTS(ttfa_s=0, rtf=0))
    check_end_of_turn(ScriptedTurn)


class DeafVAD(LoudnessVAD):
    def process(self, window: Samples) -> float:
        return 0.1


class SureVAD(LoudnessVAD):
    def process(self, window: Samples) -> float:
        return 2 * super().process(window)


def test_vad() -> None:
    with pytest.raises(ConformanceError, match="speech is silence"):
        check_vad(DeafVAD, SPEECH)
    with pytest.raises(ConformanceError, match="outside 0 to 1"):
        check_vad(SureVAD, SPEECH)


def test_stt() -> None:
    with pytest.raises(ConformanceError, match="lacks 'goodbye'"):
        check_stt(quick_stt, SPEECH, "goodbye")
    with pytest.raises(ConformanceError, match="of silence"):
        check_stt(lambda: ScriptedSTT(["hello"] * 9, final_s=0), SPEECH, "hello")


class StubbornLLM(ScriptedLLM):
    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        try:
            await asyncio.sleep(0.001)
            yield TextDelta("hello")
        except asyncio.CancelledError:
            pass


class LeakyLLM(ScriptedLLM):
    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        self.task = asyncio.create_task(asyncio.sleep(60), name="leak")
        await asyncio.sleep(0.001)
        yield TextDelta("hello")


def test_llm() -> None:
    with pytest.raises(ConformanceError, match="as cancelled"):
        check_llm(StubbornLLM)
    with pytest.raises(ConformanceError, match="leak"):
        check_llm(LeakyLLM)
    with pytest.raises(ConformanceError, match="answered nothing"):
        check_llm(lambda: ScriptedLLM([""], ttft_s=0, word_s=0))


class SilentTTS(ScriptedTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        yield AudioChunk(np.zeros(100, np.int16), 16_000)


class FloatTTS(ScriptedTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        samples: Any = np.ones(100, np.float32)
        yield AudioChunk(samples, 16_000)


class MisplacedTTS(ScriptedTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        yield WordMark("late", 99)
        async for event in super().synthesize(text):
            if not isinstance(event, WordMark):
                yield event


@pytest.mark.parametrize(
    ("plugin", "complaint"),
    [(SilentTTS, "audible"), (FloatTTS, "int16"), (MisplacedTTS, "outside the audio")],
)
def test_tts(plugin: type[ScriptedTTS], complaint: str) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check_tts(lambda: plugin(ttfa_s=0, rtf=0))


class HastyTurn(ScriptedTurn):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        return TurnVerdict(-1)


def test_end_of_turn() -> None:
    with pytest.raises(ConformanceError, match="negative"):
        check_end_of_turn(HastyTurn)
