from __future__ import annotations

import numpy as np
import pytest
from voicebot.audio import AudioChunk
from voicebot.testing import context
from voicebot.testing.conformance import STTConformance, TTSConformance

from voicebot_morse import MorseConfig, MorseSTT, MorseTTS
from voicebot_morse.code import Reader, sound


class TestReading(STTConformance):
    speech = AudioChunk(sound("PARIS", 60, 700), 16_000)
    words = "paris"

    def make(self) -> MorseSTT:
        return MorseSTT(MorseConfig(), context())


class TestSounding(TTSConformance):
    def make(self) -> MorseTTS:
        return MorseTTS(MorseConfig(), context())


@pytest.mark.parametrize("dit_ms", [20, 60, 200])
def test_what_is_sounded_can_be_read(dit_ms: int) -> None:
    text = "THE QUICK BROWN FOX JUMPS OVER 1234567890 LAZY DOGS, OK?"
    reader = Reader(dit_ms)
    reader.push(np.concatenate([sound(word, dit_ms, 700) for word in text.split()]))
    assert reader.text == text
