"""Where speech is, by the stated rule, in signals of which it is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.audio import Samples
from voicebot.bench.corpus.clips import Clip, finished, joined
from voicebot.bench.corpus.levels import (
    active_dbfs,
    amplified,
    gain_to,
    noise_threshold,
    pauses_in,
    speech_bounds,
)
from voicebot.bench.scenario import BENCH_RATE


def square(count: int, dbfs: float) -> Samples:
    """As loud in every frame, and its RMS is its peak."""
    amplitude = round(32768 * 10 ** (dbfs / 20))
    return np.where(np.arange(count) % 2, -amplitude, amplitude).astype(np.int16)


def silence(count: int) -> Samples:
    return np.zeros(count, np.int16)


def put(*parts: Samples) -> Samples:
    return np.concatenate(parts)


@given(st.integers(0, 1000), st.integers(320, 4000), st.integers(0, 1000), st.floats(-40, -3))
def test_the_bounds_are_found_to_the_sample(before: int, length: int, after: int, dbfs: float) -> None:
    samples = put(silence(before), square(length, dbfs), silence(after))
    start, end = speech_bounds(samples) or (0, 0)
    # Of a frame that is speech in a small part only, the rest does not reach the level.
    assert before <= start < before + 160
    assert before + length - 160 < end <= before + length


def test_the_bounds_of_whole_frames_are_exact() -> None:
    samples = put(silence(480), square(1600, -20), silence(80))
    assert speech_bounds(samples) == (480, 2080)
    assert speech_bounds(put(silence(500), square(1600, -20), silence(80))) == (500, 2100)


def test_what_is_far_below_the_loudest_or_hardly_audible_is_not_speech() -> None:
    loud = square(1600, -10)
    assert speech_bounds(put(square(1600, -44), loud)) == (0, 3200)
    assert speech_bounds(put(square(1600, -46), loud)) == (1600, 3200)
    quiet = square(1600, -30)
    assert speech_bounds(put(square(1600, -54), quiet)) == (0, 3200)
    assert speech_bounds(put(square(1600, -56), quiet)) == (1600, 3200)
    assert speech_bounds(square(1600, -56)) is None
    assert speech_bounds(silence(1600)) is None
    assert speech_bounds(silence(0)) is None


def test_a_recordings_own_noise_is_not_speech() -> None:
    noise = square(1600, -40)
    samples = put(noise, square(1600, -20), noise)
    assert speech_bounds(samples) == (0, 4800)
    assert noise_threshold(noise) == pytest.approx(-37, abs=0.1)
    assert speech_bounds(samples, noise_threshold(noise)) == (1600, 3200)


def test_pauses_are_those_of_200_ms_between_speech() -> None:
    speech = square(1600, -20)
    samples = put(silence(8000), speech, silence(3200), speech, silence(3199), speech, silence(8000))
    (pause,) = pauses_in(samples)
    assert (pause.start_s, pause.end_s) == (9600 / BENCH_RATE, 12800 / BENCH_RATE)


def test_the_level_is_that_of_the_speech_alone() -> None:
    samples = put(silence(16000), square(1600, -20), silence(16000), square(1600, -20))
    assert active_dbfs(samples) == pytest.approx(-20, abs=0.05)
    assert active_dbfs(silence(1600)) == -math.inf
    assert active_dbfs(amplified(samples, gain_to(samples, -27))) == pytest.approx(-27, abs=0.05)
    # Louder than full scale would clip.
    assert np.abs(amplified(samples, gain_to(samples, 3))).max() == pytest.approx(0.98 * 32768, abs=1)
    assert gain_to(silence(1600), -23) == 0


def test_a_finished_clip_is_speech_from_its_first_sample_to_its_last() -> None:
    noise = square(1600, -50)
    raw = put(noise, square(1600, -20), silence(4800), square(1600, -20), noise)
    spoken = finished(Clip(raw, noise_dbfs=noise_threshold(noise)), -30)
    assert len(spoken.samples) == 8000
    assert active_dbfs(spoken.samples) == pytest.approx(-30, abs=0.05)
    (pause,) = spoken.pauses
    assert (pause.start_s, pause.end_s) == (0.1, 0.4)


def test_joined_parts_are_equally_loud_with_the_gap_that_was_asked_for() -> None:
    parts = [
        Clip(put(silence(777), square(1600, -10), silence(333))),
        Clip(put(silence(99), square(1600, -40))),
    ]
    spoken = finished(joined(parts, [0.7]), -23)
    (pause,) = spoken.pauses
    assert pause.duration_s == pytest.approx(0.7)
    start, end = round(pause.start_s * BENCH_RATE), round(pause.end_s * BENCH_RATE)
    assert not spoken.samples[start:end].any()
    assert spoken.samples[start - 1] != 0
    assert spoken.samples[end] != 0
    assert active_dbfs(spoken.samples[:start]) == pytest.approx(active_dbfs(spoken.samples[end:]), abs=0.3)
