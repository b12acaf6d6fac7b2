"""PCM pieces: conversions, resampling, re-cutting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from voicebot.audio import (
    AUDIBLE,
    AudioChunk,
    Rechunker,
    Resampler,
    Samples,
    first_audible,
    resample,
    to_float,
    to_int16,
)
from voicebot.testing import tone

RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
_samples = hnp.arrays(np.int16, st.integers(0, 300))


def cut(samples: Samples, sizes: list[int]) -> list[Samples]:
    """Pieces of these sizes, over and over, until there is no more."""
    pieces, start, index = [], 0, 0
    while start < len(samples):
        size = sizes[index % len(sizes)] if sizes else len(samples)
        pieces.append(samples[start : start + size])
        start, index = start + size, index + 1
    return pieces


def test_a_chunk_knows_its_duration() -> None:
    assert AudioChunk(np.zeros(480, np.int16), 24_000).duration_s == 0.02
    silence = AudioChunk.silence(12.5, 16_000)
    assert (len(silence.samples), silence.sample_rate) == (200, 16_000)
    assert not silence.samples.any()


@given(_samples)
def test_int16_survives_the_way_to_float_and_back(samples: Samples) -> None:
    floats = to_float(samples)
    assert floats.dtype == np.float32
    assert np.all((floats >= -1) & (floats < 1))
    assert np.array_equal(to_int16(floats), samples)


@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), st.integers(0, 20)))
def test_any_float_becomes_int16(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    out = to_int16(samples)
    assert out.dtype == np.int16
    assert out.shape == samples.shape
    assert np.all(out[samples >= 1] == 32767)
    assert np.all(out[samples <= -1] == -32768)
    assert np.all(out[np.isnan(samples)] == 0)
    # Nearest step; the last step below full scale is clipped.
    inside = np.abs(samples) < 1
    assert np.all(
        np.abs(out[inside] - np.clip(samples[inside].astype(np.float64) * 32768, None, 32767)) <= 0.5
    )


@pytest.mark.parametrize("source", RATES)
@pytest.mark.parametrize("target", [16_000, 24_000, 48_000])
def test_resampling_keeps_duration_pitch_and_loudness(source: int, target: int) -> None:
    samples = resample(tone(1.0, source, hz=440, peak=10_000), source, target)
    assert len(samples) == target
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    assert np.argmax(spectrum) == 440
    assert np.abs(samples[target // 10 : -target // 10]).max() == pytest.approx(10_000, rel=0.02)


@given(
    source=st.sampled_from(RATES),
    target=st.sampled_from(RATES),
    length=st.integers(0, 3_000),
    sizes=st.lists(st.integers(1, 500), max_size=5),
    seed=st.integers(0, 5),
)
def test_chunk_boundaries_do_not_matter(
    source: int, target: int, length: int, sizes: list[int], seed: int
) -> None:
    samples = np.random.default_rng(seed).integers(-20_000, 20_000, length, dtype=np.int16)
    resampler = Resampler(source, target)
    pieces = [resampler.process(piece) for piece in cut(samples, sizes)]
    pieces.append(resampler.process(samples[:0], last=True))
    streamed = np.concatenate(pieces)
    whole = resample(samples, source, target)
    assert len(streamed) == len(whole) == round(length * target / source)
    assert np.abs(streamed.astype(np.int32) - whole).max(initial=0) <= 1


def test_equal_rates_pass_through_untouched() -> None:
    samples = tone(0.1)
    assert Resampler(16_000, 16_000).process(samples, last=True) is samples


def test_a_stream_is_held_back_by_little_more_than_a_millisecond() -> None:
    resampler = Resampler(48_000, 16_000)
    given_out = sum(len(resampler.process(piece)) for piece in cut(tone(1.0, 48_000), [960]))
    assert 0 < 16_000 - given_out <= 32


@given(_samples, st.lists(st.integers(1, 50), max_size=5), st.integers(1, 40))
def test_rechunking_loses_nothing(samples: Samples, sizes: list[int], window: int) -> None:
    rechunker = Rechunker(window)
    windows: list[Samples] = []
    taken = 0
    for piece in cut(samples, sizes):
        windows += rechunker.push(piece)
        taken += len(piece)
        assert rechunker.pending == taken - len(windows) * window < window
    assert all(len(w) == window for w in windows)
    rest = rechunker.flush()
    assert rechunker.pending == 0
    assert len(rechunker.flush()) == 0
    assert np.array_equal(np.concatenate([*windows, rest]), samples)


def test_the_first_audible_sample() -> None:
    assert first_audible(np.zeros(0, np.int16)) is None
    assert first_audible(np.array([0, AUDIBLE, -AUDIBLE], np.int16)) is None
    assert first_audible(np.array([0, AUDIBLE + 1, 9_000], np.int16)) == 1
    assert first_audible(np.array([0, 0, -32768], np.int16)) == 2
