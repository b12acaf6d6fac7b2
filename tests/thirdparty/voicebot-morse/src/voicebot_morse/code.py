"""Morse code, after ITU-R M.1677: text to tones, and tones to text."""

from __future__ import annotations

import numpy as np
from voicebot.audio import Rechunker, Samples, to_int16

SAMPLE_RATE = 16_000
FRAME_MS = 10
AUDIBLE = 1_000
"""The peak from which a frame holds a tone."""

_TABLE = (
    "A.- B-... C-.-. D-.. E. F..-. G--. H.... I.. J.--- K-.- L.-.. M-- N-. O--- P.--. Q--.- R.-. S... T- U..- V...- "
    "W.-- X-..- Y-.-- Z--.. 0----- 1.---- 2..--- 3...-- 4....- 5..... 6-.... 7--... 8---.. 9----."
)
CODES = {entry[0]: entry[1:] for entry in _TABLE.split()} | {".": ".-.-.-", "?": "..--..", ",": "--..--"}
LETTERS = {code: letter for letter, code in CODES.items()}


def sound(word: str, dit_ms: int, pitch_hz: float) -> Samples:
    """A word, and the gap after it; nothing where none of its characters has a code."""
    dit = dit_ms * SAMPLE_RATE // 1000
    tones: list[tuple[int, int]] = []
    for letter in word.upper():
        tones += [(1 if mark == "." else 3, 1) for mark in CODES.get(letter, "")]
        if letter in CODES:
            tones[-1] = (tones[-1][0], 3)
    if not tones:
        return np.zeros(0, np.int16)
    tones[-1] = (tones[-1][0], 7)
    return np.concatenate([_tone(on * dit, off * dit, pitch_hz) for on, off in tones])


def _tone(on: int, off: int, pitch_hz: float) -> Samples:
    index = np.arange(on)
    ramp = np.minimum(1, np.minimum(index, index[::-1]) / 40)  # no clicks
    wave = 0.5 * ramp * np.sin(2 * np.pi * pitch_hz * index / SAMPLE_RATE)
    return np.concatenate([to_int16(wave), np.zeros(off, np.int16)])


class Reader:
    """Reads audio that comes in pieces of any length."""

    def __init__(self, dit_ms: int) -> None:
        self._dit_ms = dit_ms
        self._frames = Rechunker(FRAME_MS * SAMPLE_RATE // 1000)
        self._on_ms = self._off_ms = 0
        self._code = self._text = ""

    def push(self, samples: Samples) -> None:
        for frame in self._frames.push(samples):
            if np.abs(frame.astype(np.int32)).max() >= AUDIBLE:
                self._end_of_gap()
                self._on_ms += FRAME_MS
            else:
                self._end_of_tone()
                self._off_ms += FRAME_MS

    @property
    def text(self) -> str:
        """What was read up to now; a character that has no code is a `#`."""
        code = self._code + self._mark()
        return (self._text + (LETTERS.get(code, "#") if code else "")).strip()

    def _mark(self) -> str:
        return ("." if self._on_ms < 2 * self._dit_ms else "-") if self._on_ms else ""

    def _end_of_tone(self) -> None:
        self._code += self._mark()
        self._on_ms = 0

    def _end_of_gap(self) -> None:
        if self._code and self._off_ms >= 2 * self._dit_ms:
            self._text += LETTERS.get(self._code, "#") + (" " if self._off_ms >= 5 * self._dit_ms else "")
            self._code = ""
        self._off_ms = 0
