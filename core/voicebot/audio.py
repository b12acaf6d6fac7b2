"""PCM audio: the `AudioChunk` that moves between stages, and the two resamplings a call needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "PTIME_MS",
    "AudioChunk",
    "Rechunker",
    "Resampler",
    "Samples",
    "first_audible",
    "resample",
    "to_float",
    "to_int16",
]

Samples: TypeAlias = npt.NDArray[np.int16]

PTIME_MS = 20
"""Duration of a packet, everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """Mono PCM of any length."""

    samples: Samples
    """int16, shape `(n,)`."""
    sample_rate: int
    """Hz."""

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate

    @classmethod
    def silence(cls, duration_ms: float, sample_rate: int) -> AudioChunk:
        return cls(np.zeros(round(duration_ms * sample_rate / 1000), np.int16), sample_rate)


def to_float(samples: Samples) -> npt.NDArray[np.float32]:
    """int16 to float32 in [-1, 1)."""
    return samples.astype(np.float32) / np.float32(32768)


def to_int16(samples: npt.NDArray[np.floating]) -> Samples:
    """Float in [-1, 1] to int16; louder samples are clipped, NaN becomes silence."""
    # Clipped first: a very large sample would overflow when scaled.
    scaled = np.rint(np.clip(np.nan_to_num(samples), -1, 1) * 32768)
    result: Samples = np.clip(scaled, -32768, 32767).astype(np.int16)
    return result


_FILTER_SAMPLES = 64
"""At least what the filter holds back, in samples of the lower rate (it was measured to be about 20)."""


class Resampler:
    """A streaming sample-rate converter (libsamplerate's `sinc_fastest`, about 1 ms of delay).

    Chunk boundaries do not matter: the output equals that of one large chunk, and has the input's duration once `last`
    has been given. Where the rates are equal it passes samples through untouched.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self.source_rate = source_rate
        self.target_rate = target_rate
        self._ratio = target_rate / source_rate
        self._taken = self._given = 0
        self._converter = None
        if source_rate != target_rate:
            import samplerate

            self._converter = samplerate.Resampler("sinc_fastest", channels=1)

    def process(self, samples: Samples, *, last: bool = False) -> Samples:
        """Convert a chunk; `last` also pushes out what the filter holds back."""
        if self._converter is None:
            return samples
        self._taken += len(samples)
        if last:
            # The library returns no more samples than its input makes room for: silence pushes the rest out.
            tail = _FILTER_SAMPLES * math.ceil(max(1, self.source_rate / self.target_rate))
            samples = np.concatenate([samples, np.zeros(tail, np.int16)])
        converted = to_int16(self._converter.process(to_float(samples), self._ratio, end_of_input=last))
        if last:
            converted = converted[: max(0, round(self._taken * self._ratio) - self._given)]
        self._given += len(converted)
        return converted


def resample(samples: Samples, source_rate: int, target_rate: int) -> Samples:
    """Convert a whole recording."""
    return Resampler(source_rate, target_rate).process(samples, last=True)


class Rechunker:
    """Cuts a stream of samples into windows of one size, keeping the remainder for the next call."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._rest: Samples = np.zeros(0, np.int16)

    def push(self, samples: Samples) -> Iterator[Samples]:
        data = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        count = len(data) // self.size
        self._rest = data[count * self.size :]
        for index in range(count):
            yield data[index * self.size : (index + 1) * self.size]

    @property
    def pending(self) -> int:
        """Samples kept for the next window."""
        return len(self._rest)

    def flush(self) -> Samples:
        """The remainder, shorter than a window (may be empty)."""
        rest, self._rest = self._rest, np.zeros(0, np.int16)
        return rest


AUDIBLE = 327
"""Peak from which a sample counts as audible: 1 % of full scale, -40 dBFS."""


def first_audible(samples: Samples) -> int | None:
    """Index of the first audible sample, or None where all is silence."""
    loud = np.flatnonzero((samples > AUDIBLE) | (samples < -AUDIBLE))
    return int(loud[0]) if len(loud) else None
