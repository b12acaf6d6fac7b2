"""The microphone's side of a session: windows for the voice-activity detector, and what they mean."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from voicebot.audio import AudioChunk, Rechunker, Resampler, Samples
from voicebot.echo import IS_ECHO, EchoCheck
from voicebot.endpointing import EndpointDecision, Endpointing, SpeechStarted
from voicebot.engines import Engine, blame
from voicebot.errors import EngineError
from voicebot.interfaces import VAD
from voicebot.settings import EndpointingSettings

__all__ = ["LISTENING_RATE", "TURN_CONTEXT_S", "Heard", "Hearing"]

LISTENING_RATE = 16_000
"""Hz: what voice activity, recognition and the end-of-turn model work at."""
TURN_CONTEXT_S = 8.0
"""How much audio the end-of-turn model may look back on."""
TURN_PREROLL_S = 0.5
"""How much of it may be from before the user's turn: what was said earlier misleads the model."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One window, and what it changed."""

    window: AudioChunk
    decisions: list[EndpointDecision]
    speech_ms: float
    """How much of it counts as the user speaking: its length, or 0."""


class Hearing:
    """Turns microphone audio of any rate and chunking into windows and endpointing decisions.

    Audio time counts the samples heard; `clock_at` maps it to the loop's clock.

    Args:
        echo: knows what the listener is played; where a window is mostly that, nobody speaks in it.
    """

    def __init__(
        self, vad: Engine[VAD], settings: EndpointingSettings, echo: EchoCheck | None = None
    ) -> None:
        with blame(vad):
            rate = vad.provider.sample_rate
            if rate != LISTENING_RATE:
                raise EngineError(f"it listens at {rate} Hz; a detector must take {LISTENING_RATE} Hz")
            self._stream = vad.provider.start()
        self.endpointing = Endpointing(settings)
        self._vad = vad
        self._echo = echo
        self._size = vad.provider.window_samples
        self._window_s = self._size / LISTENING_RATE
        self._windows = Rechunker(self._size)
        self._resampler: Resampler | None = None
        self._heard = 0
        self._clock_offset_s = 0.0
        self._turn_start_s = 0.0
        preroll_s = (settings.preroll_ms + settings.min_speech_ms) / 1000
        self._preroll: deque[Samples] = deque(maxlen=max(1, round(preroll_s / self._window_s) + 1))
        self._recent: deque[Samples] = deque(maxlen=max(1, int(TURN_CONTEXT_S / self._window_s)))

    def feed(self, chunk: AudioChunk, received_s: float) -> Iterator[Heard]:
        """Take a chunk that was whole at `received_s` on the clock.

        Raises:
            EngineError: the detector failed.
        """
        if self._resampler is None or self._resampler.source_rate != chunk.sample_rate:
            self._resampler = Resampler(chunk.sample_rate, LISTENING_RATE)
        samples = self._resampler.process(chunk.samples)
        windows = list(self._windows.push(samples))
        left_over_s = self._windows.pending / LISTENING_RATE
        for index, window in enumerate(windows):
            start_s = self._heard / LISTENING_RATE
            self._heard += self._size
            end_s = self._heard / LISTENING_RATE
            to_come_s = left_over_s + (len(windows) - 1 - index) * self._window_s
            self._clock_offset_s = received_s - to_come_s - end_s
            with blame(self._vad):
                probability = self._stream.process(window)
            if self._echo is not None and self._echo.heard(window, self.clock_at(end_s)) >= IS_ECHO:
                probability = 0.0
            self._preroll.append(window)
            self._recent.append(window)
            decisions = self.endpointing.on_window(probability, start_s, end_s)
            for decision in decisions:
                if isinstance(decision, SpeechStarted):
                    self._turn_start_s = decision.start_s
            speech_ms = self._window_s * 1000 if self.endpointing.speaking else 0.0
            yield Heard(AudioChunk(window, LISTENING_RATE), decisions, speech_ms)

    def clock_at(self, audio_s: float) -> float:
        """When that moment of the microphone's audio was, on the loop's clock."""
        return audio_s + self._clock_offset_s

    def preroll(self) -> AudioChunk:
        """The last audio before (and of) the speech that has just started."""
        return AudioChunk(np.concatenate(self._preroll), LISTENING_RATE)

    def turn_context(self) -> Samples:
        """The user's turn so far, its last `TURN_CONTEXT_S` at most, for the end-of-turn model."""
        turn_s = self._heard / LISTENING_RATE - self._turn_start_s + TURN_PREROLL_S
        windows = min(len(self._recent), math.ceil(turn_s / self._window_s))
        return np.concatenate(list(self._recent)[-windows:])
