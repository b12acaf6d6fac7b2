from __future__ import annotations

import asyncio

import numpy as np
from voicebot.audio import AudioChunk, Samples
from voicebot.testing import context
from voicebot.testing.conformance import TTSConformance

from voicebot_tts_demo import DemoConfig, DemoTTS


class TestDemo(TTSConformance):
    def make(self) -> DemoTTS:
        return DemoTTS(DemoConfig(), context())


def speak(text: str, pitch_hz: float) -> Samples:
    async def collect() -> list[Samples]:
        tts = DemoTTS(DemoConfig(pitch_hz=pitch_hz), context())
        events = [event async for event in tts.synthesize(text)]
        return [event.samples for event in events if isinstance(event, AudioChunk)]

    return np.concatenate(asyncio.run(collect()))


def test_a_word_rings_for_a_quarter_of_a_second_at_its_pitch() -> None:
    samples = speak("one two three four", pitch_hz=800)
    assert len(samples) == 16_000
    first_word = np.abs(np.fft.rfft(samples[:4_000]))
    assert np.argmax(first_word) * 4 == 920  # the spectrum has steps of 4 Hz
