from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.synthesis.silence import EdgeTrimmer

RATE = 1000  # a sample is a millisecond


def trim(chunks: list[np.ndarray], *, lead_ms: int = 3, tail_ms: int = 5) -> tuple[np.ndarray, int]:
    trimmer = EdgeTrimmer(RATE, lead_ms=lead_ms, tail_ms=tail_ms, threshold=100)
    out = [trimmer.push(chunk) for chunk in chunks]
    out.append(trimmer.flush())
    return np.concatenate(out), trimmer.dropped


def test_edges_are_cut_to_what_is_asked_and_the_middle_is_kept() -> None:
    sound = np.array([500, -500, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99, 500], np.int16)
    out, dropped = trim([np.concatenate([np.zeros(40, np.int16), sound, np.full(40, 99, np.int16)])])
    np.testing.assert_array_equal(out, np.concatenate([np.zeros(3), sound, np.full(5, 99)]))
    assert dropped == 37


def test_less_silence_than_allowed_is_left_alone() -> None:
    out, dropped = trim([np.array([0, 500, 0], np.int16)])
    assert out.tolist() == [0, 500, 0]
    assert dropped == 0


def test_nothing_audible_gives_nothing() -> None:
    out, _ = trim([np.full(100, 99, np.int16), np.zeros(0, np.int16)])
    assert len(out) == 0


@pytest.mark.parametrize("peak", [100, -100, -32768])
def test_a_sample_at_the_threshold_is_sound(peak: int) -> None:
    out, _ = trim([np.array([peak], np.int16)])
    assert out.tolist() == [peak]


@given(
    samples=st.lists(st.sampled_from([0, 0, 0, 50, -99, 100, -3000]), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_chunk_boundaries_do_not_matter(samples: list[int], cuts: list[int]) -> None:
    whole = np.array(samples, np.int16)
    expected, dropped = trim([whole])
    out, dropped_in_parts = trim(np.split(whole, sorted(cuts)))
    np.testing.assert_array_equal(out, expected)
    if len(expected):
        assert dropped_in_parts == dropped
        np.testing.assert_array_equal(expected, whole[dropped : dropped + len(expected)])
