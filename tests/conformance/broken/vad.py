"""What a voice-activity detector can get wrong."""

from __future__ import annotations

from typing import Any

from tests.conformance.proof import breaks
from tests.conformance.right import RightVAD, RightVADStream

from voicebot.audio import Samples
from voicebot.testing.conformance import VADConformance as Kit


class Broken(RightVAD):
    """With a stream that is broken."""

    Stream: type[RightVADStream]

    def start(self) -> RightVADStream:
        return self.Stream()


@breaks(Kit, "test_probabilities_are_probabilities", "1.8 is no probability.")
class TooSure(Broken):
    class Stream(RightVADStream):
        def process(self, window: Samples) -> float:
            return 2 * super().process(window)


@breaks(Kit, "test_silence_is_no_speech", "Silence is speech to it: 0.60.")
class Nervous(Broken):
    class Stream(RightVADStream):
        def process(self, window: Samples) -> float:
            return max(0.6, super().process(window))


@breaks(Kit, "test_speech_is_speech", "Speech is silence to it: 0.10.")
class Deaf(Broken):
    class Stream(RightVADStream):
        def process(self, window: Samples) -> float:
            return 0.1


class Fading(RightVADStream):
    """Less and less sure."""

    factor = 1.0

    def process(self, window: Samples) -> float:
        self.factor *= 0.99
        return self.factor * super().process(window)

    def reset(self) -> None:
        self.factor = 1.0


@breaks(Kit, "test_reset_forgets", "reset() does not forget what was heard.")
class Remembers(Broken):
    class Stream(Fading):
        def reset(self) -> None: ...


@breaks(Kit, "test_streams_side_by_side", "Two streams of one provider disturb each other.")
class OneState(RightVAD):
    def __init__(self) -> None:
        super().__init__()
        self.stream = Fading()

    def start(self) -> RightVADStream:
        self.stream.reset()
        return self.stream


@breaks(Kit, "test_windows_are_left_alone", "It changes the samples that it is given.")
class Scribbles(Broken):
    class Stream(RightVADStream):
        def process(self, window: Samples) -> float:
            window |= 1
            return super().process(window)


@breaks(Kit, "test_memory_stays_level", "It keeps the audio: more than … KiB are held.")
class KeepsEverything(Broken):
    class Stream(RightVADStream):
        def __init__(self) -> None:
            self.kept: list[Any] = []

        def process(self, window: Samples) -> float:
            self.kept.append(window.copy())
            return super().process(window)
