"""The engines: `voicebot.testing`'s, with settings, and without an end to their scripts."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import EngineError
from voicebot.interfaces import (
    ChatMessage,
    InterimTranscript,
    LLMEvent,
    ProviderContext,
    SynthesisEvent,
    ToolSpec,
    WordMark,
)
from voicebot.testing import LoudnessVAD, ScriptedLLM, ScriptedSTT, ScriptedTTS
from voicebot.testing.engines import ScriptedUtterance

SAMPLE_RATE = 22_050
STEP_S = 0.1
FOR_EVER_S = 3600.0


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _StallingConfig(_Config):
    stalls: Path | None = Field(
        default=None,
        description="A folder: where a file in it is named after the process's id, and holds the engine's kind, what "
        "the engine is asked then is never answered.",
    )

    def stalled(self, kind: str) -> bool:
        if self.stalls is None:
            return False
        try:
            return kind in (self.stalls / str(os.getpid())).read_text()
        except FileNotFoundError:
            return False


class VadConfig(_Config):
    fail_after_calls: int | None = Field(
        default=None, ge=0, description="In the call after so many, the detector fails, and the call with it."
    )


class SttConfig(_StallingConfig):
    texts: list[str] = Field(
        default=["What time is it?", "And what is the weather like tomorrow?", "Thank you, goodbye."],
        min_length=1,
        description="What the utterances of the process are said to be, one after another, from the start again.",
    )
    final_ms: float = Field(default=80, ge=0, description="How long a final transcript takes (ms).")


class LlmConfig(_StallingConfig):
    replies: list[str] = Field(
        default=[
            "It is a quarter past four in the afternoon.",
            "Tomorrow will be sunny, with a little wind from the west in the evening. Take a light coat with you.",
            "You are welcome. Goodbye!",
        ],
        min_length=1,
        description="The answers, one after another, from the start again.",
    )
    ttft_ms: float = Field(default=120, ge=0, description="Time to the first word (ms).")
    word_ms: float = Field(default=20, ge=0, description="Time between words (ms).")
    warmup_ms: float = Field(default=0, ge=0, description="How long warming up takes (ms).")
    fail_warmup: Literal["", "for_good", "retryable", "crash"] = Field(
        default="",
        description="How warming up fails: as a user's mistake, as a passing fault, by killing the process.",
    )
    die_on_text: str = Field(
        default="", description="When the user says this, the process is killed at once."
    )
    hang_on_text: str = Field(
        default="", description="When the user says this, the event loop stands still for good."
    )
    fail_on_text: str = Field(default="", description="When the user says this, this answer fails.")


class TtsConfig(_StallingConfig):
    ttfa_ms: float = Field(default=60, ge=0, description="Time to a clause's first audio (ms).")
    rtf: float = Field(default=0.1, ge=0, description="Time per duration of the audio that follows.")
    char_ms: float = Field(default=65, gt=0, description="How long a character sounds (ms).")


class Vad(LoudnessVAD):
    """Speech is what is loud."""

    Config = VadConfig

    def __init__(self, config: VadConfig, context: ProviderContext) -> None:
        super().__init__()
        self._config = config
        self._calls = 0

    def start(self) -> Vad:
        self._calls += 1
        return self

    def process(self, window: Samples) -> float:
        limit = self._config.fail_after_calls
        if limit is not None and self._calls > limit:
            raise EngineError(f"told to fail after {limit} calls")
        return super().process(window)


class Stt(ScriptedSTT):
    """Knows the script; an interim every half second."""

    Config = SttConfig

    def __init__(self, config: SttConfig, context: ProviderContext) -> None:
        super().__init__()
        self._config = config

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> ScriptedUtterance:
        if not self.texts:
            self.texts = list(self._config.texts)
        self.final_s = FOR_EVER_S if self._config.stalled("stt") else self._config.final_ms / 1000
        # Nobody looks at them here, and each would keep its whole call.
        self.utterances.clear()
        return super().start(on_interim)


class Llm(ScriptedLLM):
    """Says the replies, word by word."""

    Config = LlmConfig

    def __init__(self, config: LlmConfig, context: ProviderContext) -> None:
        super().__init__(ttft_s=config.ttft_ms / 1000, word_s=config.word_ms / 1000)
        self._config = config
        self.warmup_s = config.warmup_ms / 1000

    async def warmup(self) -> None:
        await super().warmup()
        how = self._config.fail_warmup
        if how == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if how:
            raise EngineError("told to fail", retryable=how == "retryable", hint="Do not tell it to.")

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        said = messages[-1].content
        if self._config.stalled("llm"):
            await asyncio.sleep(FOR_EVER_S)
        if self._config.die_on_text and self._config.die_on_text in said:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._config.hang_on_text and self._config.hang_on_text in said:
            time.sleep(FOR_EVER_S)  # noqa: ASYNC251 - it is what a bad plugin does
        if self._config.fail_on_text and self._config.fail_on_text in said:
            raise EngineError("told to fail")
        if not self.replies:
            self.replies = list(self._config.replies)
        self.asked.clear()
        async for event in super().generate(messages):
            yield event


class Tts(ScriptedTTS):
    """Speaks as long as a person would: a harmonic tone with the syllables' rise and fall, and never quite silent."""

    Config = TtsConfig

    def __init__(self, config: TtsConfig, context: ProviderContext) -> None:
        super().__init__(sample_rate=SAMPLE_RATE, ttfa_s=config.ttfa_ms / 1000, rtf=config.rtf)
        self._config = config
        self._char_s = config.char_ms / 1000

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        position = 0
        for word in text.split():
            position = text.index(word, position)
            yield WordMark(word, position * self._char_s)
            position += len(word)
        await asyncio.sleep(FOR_EVER_S if self._config.stalled("tts") else self.ttfa_s)
        count = round(len(text) * self._char_s * SAMPLE_RATE)
        step = round(STEP_S * SAMPLE_RATE)
        for start in range(0, count, step):
            at_s = np.arange(start, min(start + step, count)) / SAMPLE_RATE
            voice = np.sin(2 * np.pi * 140 * at_s) + 0.5 * np.sin(2 * np.pi * 420 * at_s)
            syllables = 0.6 + 0.4 * np.cos(2 * np.pi * 4 * at_s)
            if start:
                await asyncio.sleep(self.rtf * STEP_S)
            yield AudioChunk((voice * syllables * 8_000).astype(np.int16), SAMPLE_RATE)
