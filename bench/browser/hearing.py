"""Microphone and agent on one clock: what was said when, and what the ear had of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.browser.support.hearing import loudness_db
from tests.browser.support.recording import Recording

from voicebot.audio import AUDIBLE, AudioChunk, Samples, first_audible
from voicebot.wav import read_wav

__all__ = ["Heard", "Saying", "Track", "interruption", "onset_ms", "place"]

_ENVELOPE_RATE = 1000
_QUIET_MS = 400
"""An answer begins where nothing was audible for so long: longer than a pause between its words."""
_DUCKED = 0.5
_BUCKET_MS = 10_000


@dataclass(frozen=True)
class Saying:
    """Something that the user says, in seconds of the microphone's file."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Track:
    """A recording whose device's clock is not quite the page's; times are the page's, in ms."""

    audio: AudioChunk
    started_ms: float
    ms_per_sample: float

    def at_ms(self, index: float) -> float:
        return self.started_ms + index * self.ms_per_sample

    def index(self, at_ms: float) -> int:
        """Of the sample at that time, or of the nearest end."""
        return min(max(0, round((at_ms - self.started_ms) / self.ms_per_sample)), len(self.audio.samples))

    def part(self, from_ms: float, to_ms: float) -> AudioChunk:
        return AudioChunk(self.audio.samples[self.index(from_ms) : self.index(to_ms)], self.audio.sample_rate)


@dataclass(frozen=True)
class Heard:
    """A call's sound; times are the page's clock's, in ms."""

    ear: Track
    """The agent as it was played: with the volume that the page let it have."""
    received: Track
    """The same as it came."""
    microphone: Track
    file_began: int
    """The sample of `microphone` that was the first of the microphone's file."""
    volumes: list[tuple[float, float]]

    def mic_ms(self, file_s: float) -> float:
        return self.microphone.at_ms(self.file_began + file_s * self.microphone.audio.sample_rate)


def place(
    received: Recording,
    said: Recording,
    volumes: list[tuple[float, float]],
    clocks: Sequence[tuple[float, int, int]],
    file: Path,
) -> Heard:
    """Bring a call's recordings together.

    Args:
        clocks: (the page's time in ms, samples of the microphone, samples of the agent by then), now and then.
        file: what the microphone played. Where it begins in its recording is found by correlating their envelopes: the
            browser's noise suppression has gone over one of them.
    """
    at_ms, microphone, agent = np.array(clocks, np.float64).T
    track, taken = _track(received, at_ms, agent), _track(said, at_ms, microphone)
    gain = np.ones(len(track.audio.samples), np.float32)
    for changed_ms, volume in volumes:
        gain[track.index(changed_ms) :] = volume
    played = AudioChunk(np.rint(track.audio.samples * gain).astype(np.int16), track.audio.sample_rate)
    ear = Track(played, track.started_ms, track.ms_per_sample)
    lag = round(_lag_s(said.audio, read_wav(file)) * said.audio.sample_rate)
    return Heard(ear, track, taken, lag, volumes)


def onset_ms(heard: Heard, from_ms: float, to_ms: float) -> float | None:
    """When the first answer that begins between the two begins to be audible."""
    track = heard.received
    first, last = track.index(from_ms), track.index(to_ms)
    before = round(_QUIET_MS / track.ms_per_sample)
    loud = _audible(track.audio.samples[max(0, first - before) : last]) + max(0, first - before)
    begins = loud[np.diff(loud, prepend=-before) >= before]
    begins = begins[begins >= first]
    return track.at_ms(float(begins[0])) if len(begins) else None


def interruption(heard: Heard, saying: Saying, told_ms: Sequence[float]) -> dict[str, Any]:
    """What came of an interruption; times in ms, None where something did not happen."""
    start, end = heard.mic_ms(saying.start_s), heard.mic_ms(saying.end_s)
    before, during = heard.ear.part(start - 500, start), heard.ear.part(start, end)
    row: dict[str, Any] = {
        "interruption": saying.text[:40],
        "stopped": None,
        "speech -> silence": None,
        "speech -> told": None,
        "told -> ducked": None,
        "speech -> sent no more": None,
        "ear before, dBFS": None,
        "ear ducked, dBFS": None,
    }
    if first_audible(before.samples) is None:
        return row
    row["speech -> silence"], row["stopped"] = _silent_after(during)
    row["speech -> sent no more"], _ = _silent_after(heard.received.part(start, end))
    row["ear before, dBFS"] = loudness_db(before)
    told = next((at_ms for at_ms in told_ms if start <= at_ms < end), None)
    if told is None:
        return row
    row["speech -> told"] = told - start
    ducked = _ducked_at(heard.volumes, told, end)
    if ducked is not None:
        row["told -> ducked"] = ducked - told
        after = heard.ear.part(ducked, start + row["speech -> silence"])
        row["ear ducked, dBFS"] = loudness_db(after) if len(after.samples) else None
    return row


def _ducked_at(volumes: Sequence[tuple[float, float]], from_ms: float, to_ms: float) -> float | None:
    """When the volume had reached its least between the two."""
    changed = [(at_ms, volume) for at_ms, volume in volumes if from_ms <= at_ms < min(to_ms, from_ms + 200)]
    ducked = [volume for _, volume in changed if 0 < volume < _DUCKED]
    if not ducked:
        return next((at_ms for at_ms, volume in changed if volume == 0), None)
    return next(at_ms for at_ms, volume in changed if volume == min(ducked))


def _silent_after(part: AudioChunk) -> tuple[float, bool]:
    """From its beginning to its last audible sample (ms), and whether that is well before its end."""
    loud = _audible(part.samples)
    last_ms = float(loud[-1] + 1) * 1000 / part.sample_rate if len(loud) else 0.0
    return last_ms, last_ms < part.duration_s * 1000 - 100


def _audible(samples: Samples) -> NDArray[np.intp]:
    found: NDArray[np.intp] = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    return found


def _track(recording: Recording, at_ms: NDArray[np.float64], counts: NDArray[np.float64]) -> Track:
    """Samples come late, never early: the line under all (time, count) is the clock."""
    nominal = 1000 / recording.audio.sample_rate
    late = at_ms - counts * nominal
    known = counts > 0
    buckets = [
        int(np.argmin(np.where(known & (at_ms // _BUCKET_MS == bucket), late, np.inf)))
        for bucket in np.unique(at_ms[known] // _BUCKET_MS)
    ]
    if len(buckets) < 3:
        return Track(recording.audio, recording.started_ms, nominal)
    slope, offset = np.polyfit(counts[buckets], late[buckets], 1)
    return Track(recording.audio, float(offset), nominal + float(slope))


def _lag_s(recording: AudioChunk, file: AudioChunk) -> float:
    """Where the file begins in its recording (s; negative: before it)."""
    taken, played = _envelope(recording), _envelope(file)
    size = 1 << (len(taken) + len(played)).bit_length()
    spectrum = np.fft.rfft(taken, size) * np.conj(np.fft.rfft(played, size))
    lag = int(np.argmax(np.fft.irfft(spectrum, size)))
    return (lag if lag < size // 2 else lag - size) / _ENVELOPE_RATE


def _envelope(audio: AudioChunk) -> NDArray[np.float64]:
    """Root of the mean magnitude each millisecond, so that loud words do not decide alone; zero mean."""
    step = audio.sample_rate // _ENVELOPE_RATE
    count = len(audio.samples) // step
    blocks = np.abs(audio.samples[: count * step].astype(np.float64)).reshape(count, step)
    levels = np.sqrt(blocks.mean(axis=1))
    return np.asarray(levels - levels.mean(), np.float64)
