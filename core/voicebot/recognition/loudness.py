"""Where the speech in growing audio ends, and whether it has just faded."""

from __future__ import annotations

from math import log10

import numpy as np

from voicebot.audio import Samples
from voicebot.recognition.context import SAMPLE_RATE
from voicebot.recognition.evidence import SILENT_RMS, cannot_matter

__all__ = ["Loudness"]

_WINDOW = 512
"""Samples: 32 ms, as voice-activity detectors take them."""
_FADED_DB = 25.0
_RISE_DB = 6.0
_FALL_DB = 0.1
_LONGEST_TAIL = round(0.6 * SAMPLE_RATE)


class Loudness:
    """The level of an utterance's windows against the level of its speech.

    A window has faded where it is 25 dB below the speech before it: leaving out what follows costs no words (tiny.en,
    base; eSpeak, Piper and a human), and it is seen before a voice detector reports silence. The level of speech
    follows the windows' up by 6 dB and down by 0.1 dB at a time, so that a click does not pass for speech.
    """

    def __init__(self) -> None:
        self._speech_db = self._floor_db = 20 * log10(SILENT_RMS)
        self._pending: Samples = np.zeros(0, np.int16)
        self._judged = 0
        self._loud_end = 0
        self._peak = self._tail_peak = 0

    def push(self, samples: Samples) -> None:
        self._pending = np.concatenate([self._pending, samples])
        whole = len(self._pending) // _WINDOW * _WINDOW
        for start in range(0, whole, _WINDOW):
            self._judge(self._pending[start : start + _WINDOW])
        self._pending = self._pending[whole:]

    @property
    def count(self) -> int:
        """Samples pushed."""
        return self._judged + len(self._pending)

    @property
    def needed(self) -> int:
        """How many samples matter: up to the end of the last loud window.

        More than 0.6 s after it are left out only where they are silent by any measure.
        """
        if len(self._pending) and self._is_loud(self._pending):
            return self.count
        tail_peak = max(self._tail_peak, _peak(self._pending))
        too_long = self.count - self._loud_end > _LONGEST_TAIL
        return self.count if too_long and not cannot_matter(self._peak, tail_peak) else self._loud_end

    @property
    def end(self) -> int:
        """How many samples to transcribe: a window more than `needed`, where there is one."""
        return min(self.needed + _WINDOW, self.count)

    @property
    def faded(self) -> bool:
        """The speech has ended or paused, and nothing after `end` matters so far."""
        return 0 < self._loud_end < self._judged and self.needed == self._loud_end

    def _judge(self, window: Samples) -> None:
        self._judged += _WINDOW
        level_db = _level_db(window)
        peak = _peak(window)
        self._peak = max(self._peak, peak)
        self._speech_db = max(
            self._floor_db, self._speech_db - _FALL_DB, min(level_db, self._speech_db + _RISE_DB)
        )
        if self._is_loud(window):
            self._loud_end, self._tail_peak = self._judged, 0
        else:
            self._tail_peak = max(self._tail_peak, peak)

    def _is_loud(self, samples: Samples) -> bool:
        if not len(samples):
            return False
        return _level_db(samples) >= max(self._floor_db, self._speech_db - _FADED_DB)


def _level_db(samples: Samples) -> float:
    return 10 * log10(float(np.mean(np.square(samples, dtype=np.float64))) + 1e-3)


def _peak(samples: Samples) -> int:
    return int(np.abs(samples, dtype=np.float32).max()) if len(samples) else 0
