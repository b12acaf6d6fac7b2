"""From what a voice said to what a caller says: trimmed, joined, and brought to a level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voicebot.audio import Samples
from voicebot.bench.corpus.levels import amplified, gain_to, pauses_in, speech_bounds, threshold
from voicebot.bench.scenario import BENCH_RATE, Pause
from voicebot.errors import AudioError

__all__ = ["Clip", "Spoken", "finished", "joined"]

_SAME_DBFS = -23.0
"""To which parts are brought before they are joined."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Speech as an engine made it or a recording has it."""

    samples: Samples
    noise_dbfs: float = -math.inf
    """What is not speech in it stays below this level."""
    pauses: tuple[Pause, ...] = ()
    """Those that were put in."""


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """Speech from its first sample to its last."""

    samples: Samples
    pauses: tuple[Pause, ...]
    """Those that were put in, and those of 200 ms or more that the voice made itself."""


def joined(parts: Sequence[Clip], gaps_s: Sequence[float]) -> Clip:
    """Parts equally loud, with exactly so much digital silence from speech to speech."""
    pieces: list[Samples] = []
    pauses = []
    length = 0
    for index, part in enumerate(parts):
        if index:
            gap = round(gaps_s[index - 1] * BENCH_RATE)
            pauses.append(Pause(length / BENCH_RATE, (length + gap) / BENCH_RATE))
            pieces.append(np.zeros(gap, np.int16))
            length += gap
        spoken = finished(part, _SAME_DBFS)
        pieces.append(spoken.samples)
        length += len(spoken.samples)
    return Clip(np.concatenate(pieces), pauses=tuple(pauses))


def finished(clip: Clip, dbfs: float) -> Spoken:
    """A clip without the silence around it, its speech at the active level `dbfs`.

    Raises:
        AudioError: there is no speech in it.
    """
    gain_db = gain_to(clip.samples, dbfs, threshold(clip.samples, clip.noise_dbfs))
    samples = amplified(clip.samples, gain_db)
    level = threshold(samples, clip.noise_dbfs + gain_db)
    bounds = speech_bounds(samples, level)
    if bounds is None:
        raise AudioError("A voice of the bench said nothing that can be heard.")
    start, end = bounds
    moved = [
        Pause(pause.start_s - start / BENCH_RATE, pause.end_s - start / BENCH_RATE) for pause in clip.pauses
    ]
    samples = samples[start:end]
    own = [
        pause
        for pause in pauses_in(samples, level)
        if all(pause.end_s <= put.start_s or pause.start_s >= put.end_s for put in moved)
    ]
    return Spoken(samples, tuple(sorted([*moved, *own], key=lambda pause: pause.start_s)))
