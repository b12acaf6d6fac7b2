"""What of the microphone a filter can explain by what was played.

A Kalman filter for each frequency, its state the echo path's coefficients for the last frames of the reference: after
G. Enzner and P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones"
(2006), with a diagonal state covariance and, in place of overlap-save, coefficients across short-time spectra.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicebot.echo.reference import RATE, Signal

__all__ = ["HOP", "EchoPath"]

HOP = 128
"""Samples from one frame to the next, 16 ms; a frame is two."""
_TAPS = 8
_BINS = HOP + 1
_BAND = slice(6, 122)
"""Frequencies that count: 190 Hz to 3.8 kHz."""


def _decay(rt60_s: float) -> np.float32:
    """What a room leaves of sound from frame to frame, in power."""
    return np.float32(10 ** (-6 * HOP / RATE / rt60_s))


_SHAPE = _decay(0.3) ** np.arange(_TAPS, dtype=np.float32)[:, None]
"""How much less each later coefficient is expected to be."""
_LINGER = _decay(0.4)
_MISSED = 0.5
"""Of an echo that was found, so much more may be there: reverberation past the last coefficient, distortion."""
_PROVEN = 0.3
"""The mean share explained from which on that much more is believed in."""
_DOUBT = np.float32(0.2)
_TAPER = np.hanning(2 * HOP + 1)[:-1].astype(np.float32)


def _power(spectrum: npt.NDArray[np.complexfloating]) -> npt.NDArray[np.float32]:
    power: npt.NDArray[np.float32] = spectrum.real**2 + spectrum.imag**2
    return power


class EchoPath:
    """The path from loudspeaker to microphone, at a delay that is known.

    Args:
        gain: the microphone's power relative to what is played, as a first guess.
        power: the microphone's mean square, likewise.
    """

    def __init__(self, gain: float, power: float) -> None:
        self._path = np.zeros((_TAPS, _BINS), np.complex64)
        self._played = np.zeros((_TAPS, _BINS), np.complex64)
        self._sounded = np.zeros((_TAPS, _BINS), np.float32)
        """The power of `_played`."""
        self._prior = np.float32(gain) * _SHAPE
        self._uncertain = np.repeat(self._prior, _BINS, 1)
        # A frame's power in one bin is its mean square times the taper's energy, 96; a tenth may be something else.
        self._other = np.full(_BINS, 0.1 * 96 * power, np.float32)
        self._lingering = np.zeros(_BINS, np.float32)
        self._trust = _PROVEN

    def step(self, heard: Signal, played: Signal, *, learn: bool) -> tuple[float, float]:
        """Take the next frame (two HOPs) of the microphone and of the reference, shifted by the delay.

        Args:
            learn: whether the frame is loud enough to judge the filter by.

        Returns:
            The frame's power, and that part of it which is not explained.
        """
        self._played[1:] = self._played[:-1]
        self._played[0] = np.fft.rfft(played * _TAPER)
        self._sounded[1:] = self._sounded[:-1]
        self._sounded[0] = _power(self._played[0])
        spectrum = np.fft.rfft(heard * _TAPER)
        echo = (self._path * self._played).sum(0)
        error = spectrum - echo
        powers = _power(spectrum[_BAND])
        whole = float(powers.sum())
        missed = _power(error[_BAND])
        if learn:
            share = max(0.0, 1 - float(missed.sum()) / (whole + 1e-9))
            self._trust += 0.03 * (share - self._trust)
        self._lingering = np.maximum(self._lingering * _LINGER, _power(echo))
        more = np.float32(_MISSED * min(1.0, self._trust / _PROVEN))
        # Where the filter is so wrong that it adds power, it has explained nothing.
        left = np.clip(missed - more * self._lingering[_BAND], 0, powers)
        self._adapt(error)
        return whole, float(left.sum())

    def _adapt(self, error: npt.NDArray[np.complexfloating]) -> None:
        expected = self._uncertain * self._sounded
        total = expected.sum(0) + self._other + np.float32(1e-9)
        self._path += (self._uncertain / total) * self._played.conj() * error
        # What the error is after that step follows from the gain; some of it is always something else, or the filter
        # would come to believe that all it hears is echo.
        after = _power(error) * np.maximum(self._other / total, _DOUBT) ** 2
        self._other += np.float32(0.2) * (after - self._other)
        self._uncertain *= 1 - np.float32(0.7) * expected / total
        # The path changes: people move, clocks drift.
        self._uncertain += np.float32(0.002) * (_power(self._path) + np.float32(0.001) * self._prior)
