"""Whisper's input: faster-whisper's log-mel spectrogram, with less work for the zeros behind the audio."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from faster_whisper.feature_extractor import FeatureExtractor

from voicebot.audio import Samples, to_float

__all__ = ["LogMel"]

_FFT = 400
_HOP = 160
_LEAST = np.float32(1e-10)


class LogMel:
    """As `FeatureExtractor` of audio followed by zeros up to the window's end.

    Args:
        bands: 80 or 128, as the model's.
    """

    def __init__(self, bands: int) -> None:
        self._filters = FeatureExtractor(feature_size=bands).mel_filters
        self._window = np.hanning(_FFT + 1)[:-1].astype(np.float32)

    def __call__(self, samples: Samples, positions: int) -> npt.NDArray[np.float32]:
        """Log-mel energies, float32, shape `(bands, 2 * positions)`.

        Args:
            samples: int16 at 16 kHz, shape `(n,)`; what exceeds the window is left out.
            positions: of the encoder, 20 ms each.
        """
        frames = 2 * positions
        audio = to_float(samples[: frames * _HOP])
        half = _FFT // 2
        heard = min(frames, (len(audio) + half - 1) // _HOP + 1)  # windows that reach any of it
        around = np.zeros((heard - 1) * _HOP + _FFT, np.float32)
        behind = audio[: len(around) - half]
        around[half : half + len(behind)] = behind
        mirrored = audio[1 : half + 1][::-1]
        around[half - len(mirrored) : half] = mirrored
        if heard == frames:  # the window's end is mirrored too
            full = np.zeros(frames * _HOP, np.float32)
            full[: len(audio)] = audio
            end = half + len(full)
            around[end:] = full[-2 : -2 - (len(around) - end) : -1]
        windows = np.lib.stride_tricks.sliding_window_view(around, _FFT)[::_HOP]
        spectrum = np.fft.rfft(windows * self._window).astype(np.complex64)
        energies = np.full((len(self._filters), frames), _LEAST, np.float32)
        energies[:, :heard] = self._filters @ np.square(np.abs(spectrum)).T
        levels = np.log10(np.maximum(energies, _LEAST))
        result: npt.NDArray[np.float32] = (np.maximum(levels, levels.max() - 8) + 4) / 4
        return result
