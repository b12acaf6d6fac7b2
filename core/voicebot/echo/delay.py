"""How long what is played takes to come back: generalised cross-correlation, added up while somebody is heard.

After C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of time delay" (1976), with a
partial phase transform: both spectra are whitened, but not wholly, for a voice leaves most of the band to noise.
That a delay is looked for first, and only then what a filter at that delay explains, is the order of WebRTC's AEC3
(modules/audio_processing/aec3: matched_filter.cc); that correlation is normalised at each delay and followed over
time is from its residual_echo_detector.cc, which correlates power where this correlates waveforms.
"""

from __future__ import annotations

import numpy as np

from voicebot.echo.reference import RATE, Signal

__all__ = ["DelaySearch"]

_EARLY = RATE * 5 // 1000
"""The search begins a little before no delay at all: the server's estimate may be late."""
_EDGE = 256
"""Samples at either end of the reference that fade in and out: whitened, a cut would be a click like any other."""
_KEEP = 0.88
"""Of the sum from step to step, 32 ms: about a quarter of a second counts."""
_KEEP_IN_DOUBT = 0.75


class DelaySearch:
    """Correlates blocks of the microphone with all of the reference that they may be echoes of.

    Args:
        block: samples of a block.
        max_delay: samples.
    """

    def __init__(self, block: int, max_delay: int) -> None:
        self.lookback = max_delay + _EDGE
        """So many samples before the block its reference begins."""
        self.span = self.lookback + block + _EARLY + _EDGE
        """Samples of the reference for a block."""
        self.delay = 0
        """Where the correlation stands out most, in samples."""
        self.certainty = 0.0
        """How far, in standard deviations by chance: the highest of all delays is 4 to 5 where nothing comes back."""
        delays = max_delay + _EARLY + 1
        self._block = block
        self._delays = slice(_EDGE, _EDGE + delays)
        self._fade = np.ones(self.span, np.float32)
        ramp = np.hanning(2 * _EDGE + 1)[:_EDGE].astype(np.float32)
        self._fade[:_EDGE], self._fade[-_EDGE:] = ramp, ramp[::-1]
        self._taper = np.hanning(block).astype(np.float32)
        self._size = _fast_size(self.span)
        hertz = np.fft.rfftfreq(self._size, 1 / RATE)
        self._band = slice(int(np.searchsorted(hertz, 250)), int(np.searchsorted(hertz, 3_800)))
        self._cross = np.zeros(len(hertz), np.complex64)
        self._sum = np.zeros(delays, np.float32)
        self._chance = np.zeros(delays, np.float32)
        """The variance that `_sum` would have by chance: none where the reference was silent."""

    def step(self, block: Signal, reference: Signal, *, moved: bool = False) -> None:
        """Take the next block, and the `span` samples that it may be an echo of.

        Args:
            moved: the delay may have changed, so that what was added up counts for less.
        """
        heard = np.fft.rfft(block * self._taper, self._size)[self._band]
        played = np.fft.rfft(reference * self._fade, self._size)[self._band]
        cross = played * heard.conj()
        size = np.sqrt(cross.real**2 + cross.imag**2)
        self._cross[self._band] = cross / (np.sqrt(size * np.sqrt(size)) + np.float32(1e-20))
        correlation = np.fft.irfft(self._cross, self._size)[self._delays].astype(np.float32)
        energy = np.cumsum(reference[self._delays.start : self._delays.stop + self._block] ** 2)
        energy = energy[self._block :] - energy[: -self._block]
        sounding = energy > np.float32(0.01) * energy.max()
        variance = float(correlation @ correlation) / max(1, int(np.count_nonzero(sounding)))
        if variance < 1e-24:
            return
        keep = _KEEP_IN_DOUBT if moved else _KEEP
        self._sum = np.float32(keep) * self._sum + correlation * np.float32(variance**-0.5)
        self._chance = np.float32(keep**2) * self._chance + sounding
        certainty = np.abs(self._sum) / np.sqrt(self._chance + np.float32(0.2))
        peak = int(certainty.argmax())
        self.delay = self.lookback - _EDGE - peak
        self.certainty = float(certainty[peak])


def _fast_size(count: int) -> int:
    """The next size that a Fourier transform is quick for: a power of two, or three quarters of one."""
    power = 1 << (count - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= count else power
