"""What Smart Turn hears: a log-mel spectrogram of the last eight seconds, in numpy.

The arithmetic is that of Whisper's feature extractor (Radford et al., "Robust Speech Recognition via Large-Scale Weak
Supervision", 2022) with a mel scale as in Slaney's Auditory Toolbox (1998), on a waveform of zero mean and unit
variance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicebot.audio import Samples, to_float

__all__ = ["BANDS", "FRAMES", "SAMPLES", "log_mel"]

Floats = npt.NDArray[np.float32]

_RATE = 16_000
SAMPLES = 8 * _RATE
"""How much audio counts."""
_WINDOW = 400
_HOP = 160
_BINS = _WINDOW // 2 + 1
BANDS = 80
FRAMES = SAMPLES // _HOP

# A product this small (16 x 201 x 80) is computed by OpenBLAS on the calling thread. A single large one would wake a
# thread per core, which spin at the very moment that the recogniser needs them.
_BLOCK = 16
# As many frames at a time as stay in the processor's cache.
_FRAMES_AT_ONCE = 5 * _BLOCK


def _mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(
        hertz < 1000, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1) / 1000) / np.log(6.4)
    )


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


def _filters() -> Floats:
    """Triangles over the bins of the spectrum, each of unit area; shape `(_BINS, BANDS)`."""
    top = _mel(np.array(_RATE / 2))
    edges = _hertz(np.linspace(0, top, BANDS + 2))
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.linspace(0, _RATE / 2, _BINS)[:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return (np.maximum(triangles, 0) * 2 / (high - low)).astype(np.float32)


_FILTERS = _filters()
_HANN = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


def log_mel(audio: Samples) -> Floats:
    """The network's input.

    Args:
        audio: int16 mono at 16 kHz; only its last 8 s count, and silence is put before a shorter one.

    Returns:
        float32, shape `(BANDS, FRAMES)`, about -1 to 2.
    """
    wave = np.zeros(SAMPLES, np.float32)
    heard = audio[-SAMPLES:]
    wave[SAMPLES - len(heard) :] = to_float(heard)
    wave -= wave.mean()
    wave /= np.sqrt(wave.var() + np.float32(1e-7))

    # Frames are centred on their time; the one centred on the end of the audio does not count.
    padded = np.pad(wave, _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: FRAMES * _HOP : _HOP]
    energy = np.concatenate(
        [_energy(frames[i : i + _FRAMES_AT_ONCE]) for i in range(0, FRAMES, _FRAMES_AT_ONCE)]
    )
    bels = np.log10(np.maximum(energy, np.float32(1e-10)))
    scaled = (np.maximum(bels, bels.max() - 8) + 4) / 4
    return np.ascontiguousarray(scaled.T, np.float32)


def _energy(frames: Floats) -> Floats:
    """Energy in each band; `(n, _WINDOW)` to `(n, BANDS)`."""
    spectrum = np.fft.rfft(frames * _HANN)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)
    energy: Floats = (power.reshape(-1, _BLOCK, _BINS) @ _FILTERS).reshape(-1, BANDS)
    return energy
