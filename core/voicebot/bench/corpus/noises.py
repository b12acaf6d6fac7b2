"""Sounds that are not speech, made from seeded noise: none of them is a recording.

A cough is 1 to 3 bursts of 120 to 250 ms with the phases that a cough's sound has (an explosion of some 20 ms, then
breath, and a voiced end; Korpas, Sadlonova and Vrabec, "Analysis of the cough sound: an overview", Pulmonary
Pharmacology 9, 1996), through resonances like a throat's. A throat being cleared is a rough voice through the same;
Silero takes some of those for speech, and few of the coughs. Knocks, a door and a chair are damped resonances and
filtered noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from voicebot.audio import Samples, to_float, to_int16
from voicebot.bench.corpus.levels import active_dbfs, amplified, gain_to
from voicebot.bench.scenario import BENCH_RATE

__all__ = ["COUGHS", "babble", "background", "coughing", "street"]

Signal = npt.NDArray[np.floating]
Rng = np.random.Generator

_THROAT = ((620.0, 70.0, 1.0), (1250.0, 90.0, 0.7), (2500.0, 150.0, 0.35), (3500.0, 250.0, 0.2))
"""Resonances: centre and width in Hz, and gain."""


def _shaped(signal: Signal, gain: Callable[[Signal], Signal]) -> Signal:
    """The signal with its spectrum multiplied by `gain(Hz)`; circular, so that a loop has no seam."""
    spectrum = np.fft.rfft(signal) * gain(np.fft.rfftfreq(len(signal), 1 / BENCH_RATE))
    return np.asarray(np.fft.irfft(spectrum, len(signal)))


def _resonances(bands: Sequence[tuple[float, float, float]], scale: float) -> Callable[[Signal], Signal]:
    def gain(hertz: Signal) -> Signal:
        peaks = [level / np.hypot(1, (hertz - centre * scale) / width) for centre, width, level in bands]
        return np.asarray(np.sum(peaks, axis=0) + 0.02)

    return gain


def _seconds(duration_s: float) -> Signal:
    return np.arange(round(duration_s * BENCH_RATE)) / BENCH_RATE


def _full_scale(signal: Signal) -> Samples:
    return to_int16(0.9 * signal / np.abs(signal).max())


def _voiced(rng: Rng, t: Signal, hertz: float) -> Signal:
    """A rough voice: a falling buzz of glottal pulses, no two alike, with breath in it."""
    pitch = hertz * (1 - 0.3 * t / t[-1]) * (1 + 0.08 * np.sin(2 * np.pi * rng.uniform(25, 40) * t))
    phase = np.cumsum(pitch) / BENCH_RATE + rng.uniform()
    shimmer = rng.uniform(0.5, 1.0, int(phase[-1]) + 1)[phase.astype(int)]
    buzz = (np.exp(-6 * (phase % 1)) - 1 / 6) * shimmer
    return np.asarray(buzz + 0.1 * rng.standard_normal(len(t)))


def _cough(rng: Rng) -> Signal:
    throat, hertz = rng.uniform(0.85, 1.2), rng.uniform(140, 300)
    bursts: list[Signal] = []
    for index in range(int(rng.integers(1, 4))):
        t = _seconds(rng.uniform(0.12, 0.25))
        explosion = np.minimum(t / 0.003, 1) * np.exp(-t / 0.018) * rng.standard_normal(len(t))
        rest = np.minimum(t / 0.03, 1) * (1 - t / t[-1])
        breath = 0.25 * rest * rng.standard_normal(len(t))
        voice = rng.uniform(1.0, 4.0) * rest * _voiced(rng, t, hertz)
        if index:
            bursts.append(np.zeros(round(rng.uniform(0.08, 0.22) * BENCH_RATE)))
        burst = _shaped(explosion + breath + voice, _resonances(_THROAT, throat))
        bursts.append(burst * rng.uniform(0.6, 1.0))
    return np.concatenate(bursts)


def _throat_clearing(rng: Rng) -> Signal:
    t = _seconds(rng.uniform(0.35, 0.65))
    rough = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(22, 32) * t)
    envelope = np.minimum(np.minimum(t / 0.04, (t[-1] - t) / 0.12), 1)
    source = _voiced(rng, t, rng.uniform(90, 150)) * rough * envelope
    return _shaped(source, _resonances(_THROAT, rng.uniform(0.85, 1.15)))


def _thump(rng: Rng, tones: Sequence[tuple[float, float]], click: float) -> Signal:
    """A struck thing: damped tones (Hz, decay in s) and the click of the blow."""
    t = _seconds(6 * max(decay for _, decay in tones))
    sound = click * rng.standard_normal(len(t)) * np.exp(-t / 0.004)
    for hertz, decay in tones:
        sound += np.sin(2 * np.pi * hertz * rng.uniform(0.9, 1.1) * t) * np.exp(-t / decay)
    return np.asarray(sound * np.minimum(t / 0.001, 1))


def _knocks(rng: Rng) -> Signal:
    knocks: list[Signal] = []
    for _ in range(int(rng.integers(2, 4))):
        knocks += [_thump(rng, ((190, 0.02), (430, 0.012), (900, 0.006)), 0.6), np.zeros(BENCH_RATE // 12)]
    return np.concatenate(knocks[:-1])


def _door(rng: Rng) -> Signal:
    slam = _thump(rng, ((70, 0.06), (130, 0.05), (310, 0.025)), 1.2)
    t = np.arange(len(slam)) / BENCH_RATE
    rattle = _shaped(rng.standard_normal(len(slam)), _resonances(((900, 300, 1.0), (2100, 500, 0.6)), 1.0))
    return slam + 0.5 * rattle * np.exp(-t / 0.05)


def _chair(rng: Rng) -> Signal:
    t = _seconds(rng.uniform(0.3, 0.5))
    scrape = _shaped(
        rng.standard_normal(len(t)), _resonances(((420, 150, 1.0), (1100, 250, 0.7)), rng.uniform(0.9, 1.2))
    )
    judder = 0.55 + 0.45 * np.sign(np.sin(2 * np.pi * rng.uniform(35, 60) * t))
    return np.asarray(scrape * judder * np.minimum(np.minimum(t / 0.05, (t[-1] - t) / 0.08), 1))


COUGHS: dict[str, Callable[[Rng], Signal]] = {
    "cough": _cough,
    "throat-clearing": _throat_clearing,
    "knocks": _knocks,
    "door": _door,
    "chair": _chair,
}


def coughing(what: str, rng: Rng) -> Samples:
    """One of `COUGHS`, its peak near full scale."""
    return _full_scale(COUGHS[what](rng))


def street(rng: Rng, duration_s: float) -> Samples:
    """Traffic: noise that falls by some 5 dB an octave from 100 Hz on, swelling slowly. Loops without a seam."""
    t = _seconds(duration_s)
    rumble = _shaped(rng.standard_normal(len(t)), lambda hertz: (1 + hertz / 100) ** -0.85)
    swell = sum(
        rng.uniform(0.05, 0.15) * np.sin(2 * np.pi * (turns * t / duration_s + rng.uniform()))
        for turns in range(1, 5)
    )
    return _full_scale(rumble * (1 + swell))


def babble(voices: Sequence[Samples], rng: Rng, duration_s: float) -> Samples:
    """Several people talking at once, each of them over and over. Loops without a seam."""
    length = round(duration_s * BENCH_RATE)
    total = np.zeros(length)
    for speech in voices:
        # Equally loud; laid around the loop from anywhere in it.
        voice = to_float(amplified(speech, gain_to(speech, -30))).astype(np.float64)
        turns = max(1, length // (len(voice) + BENCH_RATE // 4))
        start = int(rng.integers(length))
        for turn in range(turns):
            places = (start + turn * (length // turns) + np.arange(min(len(voice), length))) % length
            total[places] += voice[:length]
    return _full_scale(total)


def background(noise: Samples, speech: Samples, snr_db: float) -> Samples:
    """`noise` at such a level that `speech` (clean), where it is active, is `snr_db` above the noise's RMS."""
    signal = to_float(noise).astype(np.float64)
    wanted = active_dbfs(speech) - snr_db
    return to_int16(signal * 10 ** (wanted / 20) / np.sqrt(np.mean(np.square(signal))))
