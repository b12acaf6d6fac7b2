"""A voice that stands in where what is to be said is not recorded: other words of it, for as long as it would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

import numpy as np

from voicebot.audio import AudioChunk, Samples
from voicebot.replaying import lines
from voicebot.replaying.recording import Request
from voicebot.speech.ledger import LETTERS_PER_S

__all__ = ["Voice"]

RATE = 24_000
"""Hz, of a voice of which nothing is recorded."""


def _hum(seconds: float = 1.0) -> Samples:
    hum: Samples = (np.sin(np.arange(round(seconds * RATE)) * (2 * np.pi * 110 / RATE)) * 3_000).astype(
        np.int16
    )
    return hum


@dataclass(frozen=True, slots=True)
class Voice:
    """What is known of a voice.

    Attributes:
        first_s: seconds until the first audio.
        char_s: seconds a character sounds.
        sound: something that it said, at `rate`.
    """

    first_s: float
    char_s: float
    sound: Samples
    rate: int

    @classmethod
    def like(cls, requests: Sequence[Request]) -> Self:
        """As quick as the voice of these requests was, in the median over those that were said whole."""
        firsts: list[float] = []
        speeds: list[float] = []
        sounds: list[Samples] = []
        rate = RATE
        for request in requests:
            chunks = [given for given in request.given if isinstance(given, lines.Sound) and given.n]
            if not isinstance(request.asked, lines.Synthesize) or not chunks or request.stopped:
                continue
            if sounds and chunks[0].rate != rate:
                continue
            first = request.given.index(chunks[0])
            firsts.append(sum(given.after_s for given in request.given[: first + 1]))
            speeds.append(sum(chunk.n / chunk.rate for chunk in chunks) / max(1, len(request.asked.text)))
            sounds += list(request.sounds.values())
            rate = chunks[0].rate
        if not sounds:
            return cls(0.0, 1 / LETTERS_PER_S, _hum(), RATE)
        return cls(median(firsts), median(speeds), np.concatenate(sounds), rate)

    def say(self, text: str, already_s: float = 0.0) -> AudioChunk:
        """So much sound as the text would take, without its first `already_s` seconds."""
        count = round(max(0.0, len(text) * self.char_s - already_s) * self.rate)
        return AudioChunk(np.resize(self.sound, count), self.rate)
