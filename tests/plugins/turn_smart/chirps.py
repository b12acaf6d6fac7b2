from __future__ import annotations

import numpy as np

from voicebot.audio import Samples


def chirps(seconds: float) -> Samples:
    """Rising tones with pauses, in a little noise: int16 mono at 16 kHz."""
    at = np.arange(round(seconds * 16_000)) / 16_000
    tone = np.sin(2 * np.pi * (120 + 900 * at) * at) * (np.sin(2 * np.pi * 0.8 * at) > -0.3)
    noise = np.random.default_rng(7).normal(size=len(at))
    return np.rint(9000 * tone + 250 * noise).astype(np.int16)
