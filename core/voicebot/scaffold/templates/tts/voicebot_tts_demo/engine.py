"""The engine: put yours in its place."""

from __future__ import annotations

import numpy as np
from voicebot.audio import Samples, to_int16

SAMPLE_RATE = 16_000
WORD_S = 0.25


def ring(word: str, pitch_hz: float) -> Samples:
    """One word: a chime that fades, higher for a longer word."""
    time_s = np.arange(round(WORD_S * SAMPLE_RATE)) / SAMPLE_RATE
    hz = pitch_hz * (1 + 0.05 * min(len(word), 12))
    return to_int16(0.4 * np.sin(2 * np.pi * hz * time_s) * np.exp(-12 * time_s))
