"""Both sides on one clock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio import AudioChunk, Samples
from voicebot.keeping.mixing import LAG_S, RECORDING_RATE, Mixer

MS = RECORDING_RATE // 1000
LOUD = 10_000


def beep(ms: float, rate: int = 16_000) -> AudioChunk:
    return AudioChunk(np.full(round(ms * rate / 1000), LOUD, np.int16), rate)


def quiet(ms: float, rate: int = 16_000) -> AudioChunk:
    return AudioChunk(np.zeros(round(ms * rate / 1000), np.int16), rate)


def loud(side: Samples) -> list[tuple[float, float]]:
    """Where there is sound, from and to, in ms."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.abs(side.astype(int)) > LOUD // 2, [0]])))
    return [(start / MS, end / MS) for start, end in edges.reshape(-1, 2)]


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_the_user_is_where_they_spoke(rate: int) -> None:
    mixer = Mixer(100.0)
    for index in range(100):
        chunk = beep(20, rate) if 30 <= index < 40 else quiet(20, rate)
        mixer.user(chunk, 100.0 + (index + 1) * 0.02)
    stereo = mixer.take(102.0)
    assert stereo.shape == (2 * RECORDING_RATE, 2)
    assert loud(stereo[:, 0]) == [pytest.approx((600, 800), abs=1)]
    assert not stereo[:, 1].any()


def test_packets_play_one_after_the_other_each_as_soon_as_it_can() -> None:
    mixer = Mixer(0.0)
    for at_s in (0.1, 0.1, 0.1, 0.5):  # sent ahead of their playout, and then a pause
        mixer.agent(beep(20, 48_000), at_s)
    assert loud(mixer.take(1.0)[:, 1]) == [pytest.approx((100, 160), abs=1), pytest.approx((500, 520), abs=1)]


def test_what_is_taken_back_was_not_played() -> None:
    mixer = Mixer(0.0)
    for _ in range(3):
        mixer.agent(beep(20, 24_000), 0.1)
    mixer.cancel(0.13)
    mixer.agent(beep(20, 24_000), 0.14)
    mixer.cancel(0.3)  # long after: nothing was left to take back
    assert loud(mixer.take(1.0)[:, 1]) == [pytest.approx((100, 130)), pytest.approx((140, 160))]


def test_a_burst_is_spread_out_again() -> None:
    """The loop, or the network, stands still for 0.4 s."""
    mixer = Mixer(0.0)
    for index in range(200):
        at_s = (index + 1) * 0.02
        if 1.0 < at_s < 1.4:
            at_s = 1.4
        mixer.user(beep(20) if index == 100 else quiet(20), at_s)
    assert loud(mixer.take(4.0)[:, 0]) == [pytest.approx((2000, 2020), abs=1)]
    assert mixer.moved == 0


def test_a_first_chunk_that_comes_late_moves_nothing() -> None:
    mixer = Mixer(0.0)
    for index in range(100):
        mixer.user(beep(20) if index == 50 else quiet(20), max(0.3, (index + 1) * 0.02))
    assert loud(mixer.take(2.0)[:, 0]) == [pytest.approx((1000, 1020), abs=15)]


def test_a_gap_stays_a_gap() -> None:
    mixer = Mixer(0.0)
    for index in range(50):
        mixer.user(quiet(20), (index + 1) * 0.02)
    for index in range(50):
        mixer.user(beep(20) if index == 25 else quiet(20), 4.0 + (index + 1) * 0.02)
    assert loud(mixer.take(5.0)[:, 0]) == [pytest.approx((4500, 4520), abs=1)]


@pytest.mark.parametrize("ppm", [-300, 300])
def test_two_clocks_that_differ_stay_together(ppm: int) -> None:
    mixer, out = Mixer(0.0), []
    for index in range(50 * 120):
        at_s = (index + 1) * 0.02 * (1 + ppm / 1e6)
        mixer.user(beep(20) if index % 500 == 250 else quiet(20), at_s)
        if index % 50 == 0:
            out.append(mixer.take(at_s - LAG_S))
    out.append(mixer.take(120.0))
    beeps = loud(np.concatenate(out)[:, 0])
    spoken = [(250 + 500 * k) * 20 * (1 + ppm / 1e6) for k in range(12)]
    assert [start for start, _ in beeps] == pytest.approx(spoken, abs=20)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "agent", "cancel", "take"]),
            st.floats(0, 0.6),
            st.integers(1, 900),
            st.sampled_from([8_000, 16_000, 44_100, 48_000]),
        ),
        max_size=40,
    )
)
def test_whatever_comes_the_length_is_the_clocks(items: list[tuple[str, float, int, int]]) -> None:
    mixer, at_s, taken = Mixer(5.0), 5.0, 0
    for kind, pause_s, samples, rate in items:
        at_s += pause_s
        chunk = AudioChunk(np.full(samples, LOUD, np.int16), rate)
        if kind == "user":
            mixer.user(chunk, at_s)
        elif kind == "agent":
            mixer.agent(chunk, at_s)
        elif kind == "cancel":
            mixer.cancel(at_s)
        else:
            taken += len(mixer.take(at_s - LAG_S))
    taken += len(mixer.take(at_s))
    assert taken == round((at_s - 5.0) * RECORDING_RATE)
    assert mixer.seconds == pytest.approx(at_s - 5.0, abs=1e-3)
