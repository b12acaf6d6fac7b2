"""What the listener is played, on the clock."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicebot.audio import Samples, to_float

__all__ = ["RATE", "Narrowing", "Reference", "Signal", "sample_at"]

RATE = 8_000
"""Hz at which echo is looked for: a laptop's loudspeaker and a voice have most of their power below 4 kHz."""
_SIZE = 1 << 16
"""Samples kept, 8.2 s: the past that may still come back, and what may be announced of the future."""
_PAST = 2 * RATE
_JOIN = RATE // 50
"""Pieces whose times are so close belong together: the server's estimate is not exact to the sample."""
_LOST = 60 * RATE

Signal = npt.NDArray[np.float32]


def sample_at(time_s: float) -> int:
    """A moment of the clock as a sample number; what can be no clock's is moment 0."""
    return round(time_s * RATE) if abs(time_s) < 1e11 else 0


class Narrowing:
    """A stream at any rate, converted to RATE: below 3.6 kHz, and between samples by straight lines.

    A tenth of libsamplerate's work. What it does to the sound is the same at any time, so a filter learns it.
    """

    def __init__(self, source_rate: int) -> None:
        self.source_rate = source_rate
        self._step = source_rate / RATE
        taps = max(1, round(31 * source_rate / 16_000) | 1) if source_rate > RATE else 1
        moment = np.arange(taps) - taps // 2
        lowpass = np.sinc(moment * 7_200 / source_rate) * np.hanning(taps + 2)[1:-1]
        self._lowpass = (lowpass / lowpass.sum()).astype(np.float32)
        self._rest: Signal = np.zeros(taps - 1, np.float32)
        self._last = np.zeros(1, np.float32)
        self._next = 1.0
        """Where the next sample lies, in samples of the source after `_last`."""

    def process(self, samples: Samples) -> Signal:
        if len(samples) == 0:
            return np.zeros(0, np.float32)
        signal = np.concatenate([self._rest, to_float(samples)])
        self._rest = signal[len(samples) :]
        if len(self._lowpass) > 1:
            signal = np.convolve(signal, self._lowpass, "valid")
        signal = np.concatenate([self._last, signal])
        count = max(0, int((len(samples) - self._next) // self._step) + 1)
        at = self._next + self._step * np.arange(count)
        self._next += self._step * count - len(samples)
        self._last = signal[-1:]
        result: Signal = np.interp(at, np.arange(len(signal)), signal).astype(np.float32)
        return result


class Reference:
    """The last seconds of what was played, silence where nothing was; its size does not grow."""

    def __init__(self) -> None:
        self._ring = np.zeros(_SIZE, np.float32)
        self._base: int | None = None
        self._next = 0
        self._narrowing = Narrowing(RATE)
        self.end = -(1 << 62)
        """Sample number after the last one that was played."""

    def write(self, samples: Samples, sample_rate: int, at: int) -> None:
        """Played from sample number `at` on. More than six seconds ahead of the microphone pushes the past out."""
        if sample_rate != self._narrowing.source_rate or abs(at - self._next) > _JOIN:
            self._narrowing = Narrowing(sample_rate)
            self._next = at
        signal = self._narrowing.process(samples)
        start, self._next = self._next, self._next + len(signal)
        if self._base is None or abs(start - self._base) > _LOST:
            self._base = start - _PAST
            self._ring.fill(0)
            self.end = start
        self._move(self._next - _SIZE)
        skipped = max(0, self._base - start)
        if skipped < len(signal):
            self._ring[np.arange(start + skipped, self._next) % _SIZE] = signal[skipped:]
            self.end = max(self.end, self._next)

    def cancel(self, start: int) -> None:
        """Nothing was played from there on."""
        if self._base is None or start >= self.end:
            return
        start = max(start, self._base)
        self._ring[np.arange(start, max(start, self.end)) % _SIZE] = 0
        self.end = self._next = start

    def advance(self, now: int) -> None:
        """The microphone has come to `now`: what is two seconds older is forgotten."""
        self._move(now - _PAST)

    def read(self, start: int, count: int) -> Signal:
        """That many samples from there on."""
        result = np.zeros(count, np.float32)
        if self._base is None:
            return result
        first, last = max(start, self._base), min(start + count, self.end, self._base + _SIZE)
        if first < last:
            at, size = first % _SIZE, last - first
            head = self._ring[at : at + size]
            result[first - start : first - start + len(head)] = head
            result[first - start + len(head) : last - start] = self._ring[: size - len(head)]
        return result

    def _move(self, base: int) -> None:
        if self._base is None or base <= self._base:
            return
        if base - self._base >= _SIZE:
            self._ring.fill(0)
        else:
            self._ring[np.arange(self._base, base) % _SIZE] = 0
        self._base = base
