"""What is asked of a voice-activity detector."""

from __future__ import annotations

import numpy as np

from voicebot.audio import AudioChunk, Samples
from voicebot.interfaces import VAD
from voicebot.testing.conformance.memory import memory_over
from voicebot.testing.conformance.provider import ProviderConformance, checked
from voicebot.testing.conformance.rules import expect

__all__ = ["VADConformance"]

_CLOSE = 1e-4
"""Two probabilities for the same audio."""


class VADConformance(ProviderConformance[VAD]):
    """Attributes:
    speech: a second or more of speech at the detector's rate.
    """

    held_bytes = 1 << 18
    speech: AudioChunk

    def windows(self, vad: VAD) -> list[Samples]:
        """Of the speech."""
        size = vad.window_samples
        expect(self.speech.sample_rate == vad.sample_rate, f"Give it `speech` at {vad.sample_rate} Hz.")
        samples = self.speech.samples
        return [samples[start : start + size].copy() for start in range(0, len(samples) - size + 1, size)]

    async def first_result(self, provider: VAD) -> float:
        return provider.start().process(np.zeros(provider.window_samples, np.int16))

    @checked
    async def test_probabilities_are_probabilities(self, vad: VAD) -> None:
        """From 0 to 1, whatever the samples: silence, noise, full scale."""
        size = vad.window_samples
        noise = np.random.default_rng(1).integers(-32768, 32768, size).astype(np.int16)
        stream = vad.start()
        odd = [
            np.zeros(size, np.int16),
            noise,
            np.full(size, -32768, np.int16),
            np.full(size, 32767, np.int16),
        ]
        for window in (*odd, *self.windows(vad)):
            probability = stream.process(window)
            expect(0 <= probability <= 1, f"{probability} is no probability.")

    @checked
    async def test_silence_is_no_speech(self, vad: VAD) -> None:
        """Silence has a probability under 0.5."""
        stream = vad.start()
        highest = max(stream.process(np.zeros(vad.window_samples, np.int16)) for _ in range(10))
        expect(highest < 0.5, f"Silence is speech to it: {highest:.2f}.")

    @checked
    async def test_speech_is_speech(self, vad: VAD) -> None:
        """Somewhere in the speech, the probability is over 0.5."""
        stream = vad.start()
        highest = max(stream.process(window) for window in self.windows(vad))
        expect(highest > 0.5, f"Speech is silence to it: {highest:.2f}.")

    @checked
    async def test_reset_forgets(self, vad: VAD) -> None:
        """After `reset()` the same audio has the same probabilities."""
        stream = vad.start()
        first = [stream.process(window) for window in self.windows(vad)]
        stream.reset()
        again = [stream.process(window) for window in self.windows(vad)]
        expect(np.allclose(first, again, atol=_CLOSE), "reset() does not forget what was heard.")

    @checked
    async def test_streams_side_by_side(self, vad: VAD) -> None:
        """Two microphones do not disturb each other."""
        windows, silence = self.windows(vad), np.zeros(vad.window_samples, np.int16)
        alone, mixed, other = vad.start(), vad.start(), vad.start()
        expected = [alone.process(window) for window in windows]
        found = []
        for window in windows:
            found.append(mixed.process(window))
            other.process(silence)
        expect(np.allclose(expected, found, atol=_CLOSE), "Two streams of one provider disturb each other.")

    @checked
    async def test_windows_are_left_alone(self, vad: VAD) -> None:
        """The samples it is given are as they were: others use them too."""
        given = np.arange(vad.window_samples, dtype=np.int16)
        vad.start().process(given)
        expect(bool((given == np.arange(len(given))).all()), "It changes the samples that it is given.")

    @checked
    async def test_memory_stays_level(self, vad: VAD) -> None:
        """A long call takes no more memory than a short one."""
        size = vad.window_samples
        await self.first(vad)  # what is imported for it counts for nothing
        with memory_over(self.held_bytes) as too_much:
            stream = vad.start()
            for _ in range(self.held_bytes // size + 1):
                stream.process(np.zeros(size, np.int16))
            kept = too_much()
        expect(not kept, f"It keeps the audio: more than {self.held_bytes >> 10} KiB are held.")
