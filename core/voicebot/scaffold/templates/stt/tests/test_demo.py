from __future__ import annotations

import asyncio

import numpy as np
from voicebot.audio import AudioChunk
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot.testing import context, tone
from voicebot.testing.conformance import STTConformance

from voicebot_stt_demo import DemoConfig, DemoSTT


class TestDemo(STTConformance):
    speech = AudioChunk(tone(2.0), 16_000)
    words = "burst"

    def make(self) -> DemoSTT:
        return DemoSTT(DemoConfig(), context())


def hear(*seconds: float) -> tuple[FinalTranscript, list[InterimTranscript]]:
    """What it makes of bursts of these lengths, half a second of quiet after each."""
    pause = np.zeros(8_000, np.int16)
    audio = np.concatenate([part for s in seconds for part in (tone(s), pause)])
    interims: list[InterimTranscript] = []

    async def recognise() -> FinalTranscript:
        utterance = DemoSTT(DemoConfig(), context()).start(interims.append)
        for begin in range(0, len(audio), 320):
            utterance.push(AudioChunk(audio[begin : begin + 320], 16_000))
        return await utterance.finalize()

    return asyncio.run(recognise()), interims


def test_it_counts_bursts() -> None:
    final, interims = hear(0.1, 0.4, 0.1)
    assert final.text == "3 bursts"
    assert [interim.text for interim in interims] == ["1 burst", "2 bursts", "3 bursts"]
