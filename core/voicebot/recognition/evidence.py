"""Is there speech in the audio at all? Whisper makes up sentences for silence and for steady noise."""

from __future__ import annotations

import numpy as np

from voicebot.audio import AUDIBLE, Samples
from voicebot.recognition.context import SAMPLE_RATE

__all__ = ["SILENT_RMS", "cannot_matter", "is_silent", "is_steady"]

_FRAME = SAMPLE_RATE // 50
SILENT_RMS = 33.0  # -60 dBFS
_STEADY_DB = 6.0


def _levels(samples: Samples) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """RMS of each 20 ms; the last frame may be shorter."""
    starts = np.arange(0, len(samples), _FRAME)
    sums = np.add.reduceat(np.square(samples, dtype=np.float64), starts)
    return np.asarray(np.sqrt(sums / np.minimum(_FRAME, len(samples) - starts)))


def is_silent(samples: Samples) -> bool:
    """No 20 ms of it is louder than -60 dBFS: no microphone's speech is that quiet."""
    return len(samples) == 0 or bool(_levels(samples).max() < SILENT_RMS)


def is_steady(samples: Samples) -> bool:
    """Its level hardly moves (6 dB between the 10th and the 95th percentile), as a fan's or a hum's."""
    if is_silent(samples):
        return True
    quiet, loud = np.percentile(_levels(samples), (10, 95))
    return bool(loud < max(quiet, 1.0) * 10 ** (_STEADY_DB / 20))


def cannot_matter(peak: int, added_peak: int) -> bool:
    """Whether audio can be left out of an utterance that holds it, by the loudest sample of each.

    True for silence: under -40 dBFS and at least 20 dB under the rest.
    """
    return added_peak < AUDIBLE and added_peak * 10 <= peak
