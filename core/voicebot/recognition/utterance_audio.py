"""The audio of an utterance so far."""

from __future__ import annotations

import logging

import numpy as np

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import AudioError
from voicebot.recognition.context import MAX_S, SAMPLE_RATE
from voicebot.recognition.loudness import Loudness

__all__ = ["UtteranceAudio"]

log = logging.getLogger(__name__)


class UtteranceAudio:
    """Grows to 30 s at most, and knows where its speech ends."""

    def __init__(self) -> None:
        self.loudness = Loudness()
        self._chunks: list[Samples] = []
        self._overflowed = False
        self._closed = False

    @property
    def seconds(self) -> float:
        return self.loudness.count / SAMPLE_RATE

    def push(self, chunk: AudioChunk) -> bool:
        """Add audio (16 kHz mono); False where nothing was added. What exceeds 30 s is dropped, with a line in the log.

        Raises:
            AudioError: its rate is another.
        """
        if chunk.sample_rate != SAMPLE_RATE:
            raise AudioError(f"Speech recognition takes {SAMPLE_RATE} Hz, not {chunk.sample_rate} Hz.")
        room = int(MAX_S * SAMPLE_RATE) - self.loudness.count
        if len(chunk.samples) > room and not self._overflowed:
            self._overflowed = True
            log.warning("An utterance is longer than %d s; the rest of it is not transcribed.", MAX_S)
        if self._closed or room <= 0 or not len(chunk.samples):
            return False
        samples = chunk.samples[:room].copy()
        self._chunks.append(samples)
        self.loudness.push(samples)
        return True

    def first(self, count: int) -> Samples:
        """So many of its samples, int16 at 16 kHz."""
        if len(self._chunks) != 1:
            self._chunks = [np.concatenate([np.zeros(0, np.int16), *self._chunks])]
        return self._chunks[0][:count]

    def close(self) -> None:
        """Forget the samples, and take no more."""
        self._closed = True
        self._chunks.clear()
