from __future__ import annotations

from voicebot.audio import AudioChunk
from voicebot.testing import context, tone
from voicebot.testing.conformance import VADConformance

from voicebot_vad_demo import DemoConfig, DemoVAD


class TestDemo(VADConformance):
    speech = AudioChunk(tone(2.0), 16_000)

    def make(self) -> DemoVAD:
        return DemoVAD(DemoConfig(), context())


def test_the_threshold_is_where_speech_begins() -> None:
    quiet, loud = tone(0.032, peak=100), tone(0.032, peak=10_000)
    for threshold_db, heard in ((-60, (True, True)), (-40, (False, True))):
        vad = DemoVAD(DemoConfig(threshold_db=threshold_db), context())
        stream = vad.start()
        assert (stream.process(quiet) > 0.5, stream.process(loud) > 0.5) == heard
