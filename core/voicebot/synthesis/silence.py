"""Trimming the silence around a stretch of synthesised speech, as it streams."""

from __future__ import annotations

import numpy as np

from voicebot.audio import Samples

__all__ = ["EdgeTrimmer"]

SILENT_BELOW = 164
"""Peak under which a speech engine's output counts as silence: 0.5 % of full scale, -46 dBFS. Half of
`audio.AUDIBLE`, so that a soft consonant at the edge survives; above the noise in Piper's pauses."""

_EMPTY = np.zeros(0, np.int16)


class EdgeTrimmer:
    """Drops silence before and after the sound, and passes on all that is between, sample for sample.

    Silence is held back until more sound follows, so chunk boundaries do not matter. Where nothing is
    audible, nothing comes out.

    Args:
        sample_rate: Hz.
        tail_ms: at most this much silence is kept at the end: the gap to the next clause.
        lead_ms: at most this much is kept before the first sound.
        threshold: peak (int16) from which a sample is sound.
    """

    def __init__(
        self, sample_rate: int, *, tail_ms: float, lead_ms: float = 10, threshold: float = SILENT_BELOW
    ) -> None:
        self.dropped = 0
        """Samples removed at the beginning so far; final once something has come out."""
        self._lead = round(lead_ms * sample_rate / 1000)
        self._tail = round(tail_ms * sample_rate / 1000)
        self._threshold = max(1, round(threshold))
        self._begun = False
        self._held: list[Samples] = []

    def push(self, samples: Samples) -> Samples:
        """What can be played now; may be empty."""
        loud = np.flatnonzero((samples >= self._threshold) | (samples <= -self._threshold))
        if not len(loud):
            if len(samples):
                self._held.append(samples)
            return _EMPTY
        end = int(loud[-1]) + 1
        before = self._take_held()
        ready = np.concatenate([before, samples[:end]])
        if end < len(samples):
            self._held.append(samples[end:])
        if not self._begun:
            self._begun = True
            self.dropped = max(0, len(before) + int(loud[0]) - self._lead)
            ready = ready[self.dropped :]
        return ready

    def flush(self) -> Samples:
        """The silence that is left at the end."""
        rest = self._take_held()
        return rest[: self._tail] if self._begun else _EMPTY

    def _take_held(self) -> Samples:
        held, self._held = self._held, []
        return np.concatenate(held) if held else _EMPTY
