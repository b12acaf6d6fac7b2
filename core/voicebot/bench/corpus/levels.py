"""Where speech is in a clean recording, and how loud it is.

One rule says what is speech, here and in all that the bench counts: a 10 ms frame is speech when its RMS is
within 35 dB of the loudest frame's and above -55 dBFS (and, in a recording with a noise of its own, 3 dB above
that noise's loudest frame). Speech begins at the first sample of the first such frame that reaches that level
itself, and ends after the last one.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from voicebot.audio import Samples, to_float, to_int16
from voicebot.bench.scenario import BENCH_RATE, Pause

__all__ = [
    "FRAME",
    "active_dbfs",
    "amplified",
    "gain_to",
    "loudness",
    "noise_threshold",
    "pauses_in",
    "speech_bounds",
    "threshold",
]

FRAME = BENCH_RATE // 100
RANGE_DB = 35.0
FLOOR_DBFS = -55.0
NOISE_MARGIN_DB = 3.0
SHORTEST_PAUSE_S = 0.2
PEAK = 0.98
"""No sample is louder than this; a level that would need more is not reached."""

_DIGITAL_SILENCE = -200.0

Levels = npt.NDArray[np.float64]


def loudness(samples: Samples) -> Levels:
    """RMS of each 10 ms frame in dBFS (a full-scale square wave has 0); the last frame may be short of samples."""
    frames = -(-len(samples) // FRAME)
    padded = np.zeros(frames * FRAME)
    padded[: len(samples)] = to_float(samples)
    power = np.square(padded.reshape(frames, FRAME)).mean(axis=1)
    levels: Levels = 10 * np.log10(np.maximum(power, 10 ** (_DIGITAL_SILENCE / 10)))
    return levels


def threshold(samples: Samples, noise_dbfs: float = -math.inf) -> float:
    """The level, in dBFS, from which a frame of this recording is speech.

    Args:
        noise_dbfs: what is not speech in this recording reaches this (see `noise_threshold`).
    """
    loudest = float(loudness(samples).max(initial=_DIGITAL_SILENCE))
    return max(loudest - RANGE_DB, FLOOR_DBFS, noise_dbfs)


def noise_threshold(silence: Samples) -> float:
    """From a stretch of a recording in which nobody speaks: the level that its noise does not reach, in dBFS."""
    return float(loudness(silence).max(initial=_DIGITAL_SILENCE)) + NOISE_MARGIN_DB


def speech_bounds(samples: Samples, level: float | None = None) -> tuple[int, int] | None:
    """First speech sample and the one after the last, or None where there is no speech.

    Args:
        level: the threshold in dBFS; by default that of `threshold`.
    """
    level = threshold(samples) if level is None else level
    frames = np.flatnonzero(loudness(samples) >= level)
    if not len(frames):
        return None
    first, last = int(frames[0]) * FRAME, int(frames[-1]) * FRAME
    return first + _loud(samples[first : first + FRAME], level)[0], last + _loud(
        samples[last : last + FRAME], level
    )[1]


def _loud(frame: Samples, level: float) -> tuple[int, int]:
    """Of a frame whose RMS reaches the level: its first sample that does so, and the one after the last."""
    found = np.flatnonzero(np.abs(to_float(frame)) >= 10 ** (level / 20) * (1 - 1e-6))
    return int(found[0]), int(found[-1]) + 1


def pauses_in(
    samples: Samples, level: float | None = None, shortest_s: float = SHORTEST_PAUSE_S
) -> list[Pause]:
    """Stretches without speech between speech, at least `shortest_s` long."""
    level = threshold(samples) if level is None else level
    frames = np.flatnonzero(loudness(samples) >= level)
    pauses = []
    for before, after in pairwise(frames):
        if after - before < 2:
            continue
        start = int(before) * FRAME + _loud(samples[before * FRAME : (before + 1) * FRAME], level)[1]
        end = int(after) * FRAME + _loud(samples[after * FRAME : (after + 1) * FRAME], level)[0]
        if end - start >= shortest_s * BENCH_RATE:
            pauses.append(Pause(start / BENCH_RATE, end / BENCH_RATE))
    return pauses


def active_dbfs(samples: Samples, level: float | None = None) -> float:
    """RMS over the frames that are speech, in dBFS; -inf where there are none."""
    level = threshold(samples) if level is None else level
    levels = loudness(samples)
    speech = levels[levels >= level]
    return float(10 * np.log10(np.mean(10 ** (speech / 10)))) if len(speech) else -math.inf


def gain_to(samples: Samples, dbfs: float, level: float | None = None) -> float:
    """The gain in dB that gives the recording's speech this active level (less, where it would clip).

    Args:
        level: the threshold in dBFS that says what is speech in `samples`; by default that of `threshold`.
    """
    active = active_dbfs(samples, level)
    if not math.isfinite(active):
        return 0.0
    peak = float(np.abs(to_float(samples)).max())
    return min(dbfs - active, 20 * math.log10(PEAK / peak))


def amplified(samples: Samples, gain_db: float) -> Samples:
    return to_int16(to_float(samples).astype(np.float64) * 10 ** (gain_db / 20))
