"""The features against pipecat's.

`pipecat.npz` was made once by pipecat-ai 1.14.0's own `_whisper_features.py` (from its wheel) of `chirps(seconds)`,
scaled to floats, cut to its last 8 s and padded in front as its `local_smart_turn_v3.py` does: every 13th frame, and
the last ten.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.plugins.turn_smart.chirps import chirps

from voicebot_turn_smart.features import BANDS, FRAMES, SAMPLES, log_mel


@pytest.mark.parametrize("seconds", [2.5, 8, 9.3])
def test_they_are_pipecats(seconds: float) -> None:
    with np.load(Path(__file__).with_name("pipecat.npz")) as recorded:
        expected, columns = recorded[f"seconds_{seconds:g}"], recorded["columns"]
    np.testing.assert_allclose(log_mel(chirps(seconds))[:, columns], expected, atol=1e-4)


def test_only_the_last_eight_seconds_count() -> None:
    audio = chirps(10)
    np.testing.assert_array_equal(log_mel(audio), log_mel(audio[-SAMPLES:]))
    assert not np.array_equal(log_mel(audio), log_mel(audio[:SAMPLES]))


def test_loudness_does_not_count() -> None:
    audio = chirps(3) // 2 * 2
    np.testing.assert_allclose(log_mel(audio), log_mel(audio // 2), atol=2e-3)


@given(arrays.arrays(np.int16, st.integers(0, 3000)))
def test_any_audio_has_features(audio: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
    features = log_mel(audio)
    assert features.shape == (BANDS, FRAMES)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert features.max() - features.min() <= 2.0001
