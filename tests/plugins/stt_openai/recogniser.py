"""A scripted recogniser, and an utterance that asks it, on the virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from voicebot.audio import AudioChunk, Samples
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot.testing import run_virtual
from voicebot_stt_openai.utterance import RemoteUtterance

RATE = 16_000
WINDOW = 512
BLOCK = 32 * WINDOW
LOUD = AudioChunk((np.sin(np.arange(BLOCK)) * 9000).astype(np.int16), RATE)
QUIET = AudioChunk(np.zeros(BLOCK // 2, np.int16), RATE)


class Recogniser:
    """Answers with the blocks of audio, after a while."""

    def __init__(self, takes_s: float = 1.0) -> None:
        self.takes_s = takes_s
        self.asked: list[float] = []
        self.answered: list[float] = []
        self.cancelled: list[float] = []
        self.fail: Exception | None = None

    async def __call__(self, samples: Samples) -> FinalTranscript:
        blocks = len(samples) / BLOCK
        self.asked.append(blocks)
        try:
            await asyncio.sleep(self.takes_s)
        except asyncio.CancelledError:
            self.cancelled.append(blocks)
            raise
        if self.fail is not None:
            raise self.fail
        self.answered.append(blocks)
        return FinalTranscript(f"{int(blocks)} blocks", len(samples) / RATE, "en", 0.5)


Test = Callable[[Recogniser, RemoteUtterance, list[InterimTranscript]], Awaitable[None]]


def play(test: Test, interval_ms: float = 0, takes_s: float = 1.0) -> None:
    async def main() -> None:
        recogniser, interims = Recogniser(takes_s), list[InterimTranscript]()
        utterance = RemoteUtterance(recogniser, interims.append, interval_ms)
        try:
            await test(recogniser, utterance, interims)
        finally:
            await utterance.aclose()
        await utterance.aclose()
        count = len(interims)
        await asyncio.sleep(100)
        assert len(interims) == count

    run_virtual(main())
