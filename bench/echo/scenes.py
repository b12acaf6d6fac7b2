"""Calls on loudspeakers, simulated: what the agent says, what comes back through the room, and who talks over it.

Everything is at 16 kHz, float32 in [-1, 1], and follows from the random generator that is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voicebot.audio import Samples, resample, to_float, to_int16
from voicebot.rtp.opus import PACKET_SAMPLES, OpusDecoder, OpusEncoder
from voicebot.rtp.settings import OpusSettings

__all__ = [
    "RATE",
    "WINDOW",
    "Path",
    "Speech",
    "call",
    "draw_path",
    "echo",
    "level_db",
    "onset",
    "through_opus",
]

RATE = 16_000
WINDOW = 512

Speech: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Path:
    """From the server's clock to the microphone."""

    delay_ms: float = 150.0
    level_db: float = -15.0
    """Echo relative to what is played."""
    rt60_s: float = 0.3
    direct_db: float = 3.0
    """Direct sound relative to the reverberation."""
    noise_db: float = -20.0
    """Background noise relative to the echo."""
    clip: float = 0.7
    """Soft clipping of the loudspeaker, as a share of the peak; 1 is nearly none."""
    drift_ppm: float = 0.0
    jump_ms: float = 0.0
    """How much the delay changes, once, half-way through the call."""


def draw_path(rng: np.random.Generator) -> Path:
    """Any path that a call must cope with."""
    return Path(
        delay_ms=float(rng.uniform(5, 480)),
        level_db=float(rng.uniform(-40, -6)),
        rt60_s=float(rng.uniform(0.2, 0.5)),
        direct_db=float(rng.uniform(-3, 6)),
        noise_db=float(rng.uniform(-30, -10)),
        clip=float(rng.uniform(0.4, 1.0)),
        drift_ppm=float(rng.uniform(-60, 60)),
        jump_ms=float(rng.choice([0, 0, 0, rng.uniform(-80, 120)])),
    )


def level_db(speech: Speech) -> float:
    """Level of the loud parts: the mean power of the 20 ms pieces within 30 dB of the loudest, in dBFS."""
    pieces = speech[: len(speech) // 320 * 320].reshape(-1, 320)
    power = (pieces.astype(np.float64) ** 2).mean(1)
    return float(10 * np.log10(power[power > power.max() / 1000].mean() + 1e-12))


def onset(speech: Speech) -> int:
    """Index of the first sample of a syllable: 25 dB under the loudest 20 ms."""
    pieces = speech[: len(speech) // 320 * 320].reshape(-1, 320)
    power = (pieces.astype(np.float64) ** 2).mean(1)
    return int(np.flatnonzero(power > power.max() / 316)[0]) * 320


def call(turns: list[Samples], sample_rate: int, gap_s: float) -> tuple[Speech, list[float]]:
    """The agent's turns one after the other with silence before each: the audio, and when each begins."""
    parts: list[Speech] = []
    starts, at = [], 0.0
    for turn in turns:
        parts += [np.zeros(int(gap_s * RATE), np.float32), to_float(resample(turn, sample_rate, RATE))]
        starts.append(at + int(gap_s * RATE) / RATE)
        at = sum(map(len, parts)) / RATE
    return np.concatenate([*parts, np.zeros(RATE, np.float32)]), starts


def _room(path: Path, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    time_s = np.arange(int(path.rt60_s * RATE)) / RATE
    tail = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / path.rt60_s)
    tail[: int(0.001 * RATE)] = 0
    tail *= 10 ** (-path.direct_db / 20) / np.sqrt((tail**2).sum())
    tail[0] += 1
    room: npt.NDArray[np.float64] = tail / np.sqrt((tail**2).sum())
    return room


def _loudspeaker(sound: Speech, clip: float) -> npt.NDArray[np.float64]:
    limit = clip * np.abs(sound).max() + 1e-9
    driven = limit * np.tanh(sound / limit)
    spectrum = np.fft.rfft(driven)
    hertz = np.fft.rfftfreq(len(driven), 1 / RATE)
    gain = 1 / np.sqrt(1 + (300 / np.maximum(hertz, 1)) ** 4) / np.sqrt(1 + (hertz / 6000) ** 8)
    return np.fft.irfft(spectrum * gain, len(driven))


def _convolve(sound: npt.NDArray[np.float64], room: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    size = len(sound) + len(room)
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[: len(sound)]


def echo(played: Speech, path: Path, rng: np.random.Generator) -> Speech:
    """What the microphone gets of it, without noise; as long as what was played."""
    sound = _convolve(_loudspeaker(played, path.clip), _room(path, rng))
    sample = np.arange(len(sound), dtype=np.float64)
    delay = np.full(len(sound), path.delay_ms) + np.where(sample > len(sound) / 2, path.jump_ms, 0)
    read = sample * (1 + path.drift_ppm * 1e-6) - np.maximum(delay, 0) * RATE / 1000
    heard = np.interp(read, sample, sound, left=0.0, right=0.0).astype(np.float32)
    wanted = level_db(played) + path.level_db
    scaled: Speech = heard * np.float32(10 ** ((wanted - level_db(heard)) / 20))
    return scaled


def noise(count: int, at_db: float, rng: np.random.Generator) -> Speech:
    """Background noise, falling by 3 dB an octave above 100 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(count, 1 / RATE), 100))
    sound = np.fft.irfft(spectrum, count)
    scaled: Speech = (sound * (10 ** (at_db / 20) / sound.std())).astype(np.float32)
    return scaled


def through_opus(sound: Speech) -> Samples:
    """As the server gets it: encoded as a browser does, and decoded."""
    encoder, decoder = OpusEncoder(OpusSettings()), OpusDecoder()
    wide = resample(to_int16(sound), RATE, 3 * RATE)
    packets = wide[: len(wide) // PACKET_SAMPLES * PACKET_SAMPLES].reshape(-1, PACKET_SAMPLES)
    return np.concatenate([decoder.decode(encoder.encode(packet)) for packet in packets])
