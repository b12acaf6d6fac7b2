"""The engine: put yours in its place."""

from __future__ import annotations

import numpy as np
from voicebot.audio import Rechunker, Samples

FRAME_MS = 20


class BurstCounter:
    """Finds bursts of sound in audio that comes in pieces of any length."""

    def __init__(self, gap_ms: int, threshold: float) -> None:
        self._gap_ms = gap_ms
        self._peak = threshold * 32768
        self._frames = Rechunker(16 * FRAME_MS)  # 16 samples a millisecond
        self._quiet_ms = gap_ms
        self.bursts_ms: list[int] = []
        """How long each burst lasted."""

    def push(self, samples: Samples) -> None:
        """Go through more audio: mono, 16 kHz."""
        for frame in self._frames.push(samples):
            if np.abs(frame.astype(np.int32)).max() < self._peak:
                self._quiet_ms += FRAME_MS
                continue
            if self._quiet_ms >= self._gap_ms:
                self.bursts_ms.append(0)
                self._quiet_ms = 0
            self.bursts_ms[-1] += self._quiet_ms + FRAME_MS
            self._quiet_ms = 0

    def text(self) -> str:
        """What was heard, in words; "" for silence."""
        count = len(self.bursts_ms)
        return f"{count} burst{'s' if count > 1 else ''}" if count else ""
