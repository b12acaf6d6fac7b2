"""The echo check on arbitrary input, and on plain sounds whose answer is known; voices are in test_echo_voices.py."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio import Samples
from voicebot.echo import IS_ECHO, EchoCheck
from voicebot.echo.reference import RATE, Narrowing, Reference

WINDOW = 512
MIC_RATE = 16_000


def noise(seconds: float, seed: int, rate: int = MIC_RATE, peak: float = 8_000) -> Samples:
    """Noise whose loudness changes ten times a second, as speech's does."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    loudness = np.interp(np.arange(count) / rate * 10, np.arange(count), rng.uniform(0.05, 1, count))
    return (np.clip(rng.standard_normal(count) / 3, -1, 1) * loudness * peak).astype(np.int16)


def judge(
    check: EchoCheck,
    played: Samples,
    microphone: Samples,
    jitter_s: float = 0.0,
    start_s: float = 100.0,
) -> list[float]:
    """Plays 20 ms pieces and hears windows in the order of time."""
    rng = np.random.default_rng(0)
    scores, sent = [], 0
    for end in range(WINDOW, len(microphone) + 1, WINDOW):
        while sent < min(end, len(played)):
            at_s = start_s + sent / MIC_RATE + rng.uniform(-1, 1) * jitter_s
            check.played(played[sent : sent + 320], MIC_RATE, at_s)
            sent += 320
        end_s = start_s + end / MIC_RATE + rng.uniform(-1, 1) * jitter_s
        scores.append(check.heard(microphone[end - WINDOW : end], end_s))
    return scores


def delayed(samples: Samples, delay_ms: float, gain: float) -> Samples:
    """An echo, with some background noise."""
    shift = int(delay_ms * MIC_RATE / 1000)
    echo = np.concatenate([np.zeros(shift), samples * gain])
    background = np.random.default_rng(9).standard_normal(len(echo)) * 4
    return (echo + background).astype(np.int16)


@pytest.mark.parametrize("delay_ms", [0, 3, 120, 333, 590])
def test_an_echo_is_found_at_any_delay(delay_ms: float) -> None:
    played = np.concatenate([np.zeros(MIC_RATE // 2, np.int16), noise(3, seed=1)])
    scores = judge(EchoCheck(), played, delayed(played, delay_ms, 0.1), jitter_s=0.004)
    first = int((0.5 + delay_ms / 1000 + 0.15) / 0.032)
    assert min(scores[first:-20]) >= IS_ECHO


def test_somebody_elses_noise_is_no_echo() -> None:
    scores = np.array(judge(EchoCheck(), noise(8, seed=1), noise(8, seed=2)))
    assert np.mean(scores[12:] >= IS_ECHO) < 0.01


def test_nothing_played_is_never_echo() -> None:
    check = EchoCheck()
    assert judge(check, np.zeros(0, np.int16), noise(2, seed=2)) == [0.0] * 62
    assert not check.is_active


def test_what_was_cancelled_is_not_expected() -> None:
    check = EchoCheck()
    played = noise(1, seed=1)
    judge(check, played, delayed(played, 100, 0.1)[: 2 * MIC_RATE])
    # Two seconds more were announced, then taken back: who says the same now is somebody else.
    check.played(played[2 * MIC_RATE :], MIC_RATE, 102.0)
    check.cancelled(102.0)
    later = delayed(played, 100, 0.1)[2 * MIC_RATE :]
    scores = [
        check.heard(later[end - WINDOW : end], 102.0 + end / MIC_RATE)
        for end in range(WINDOW, MIC_RATE, WINDOW)
    ]
    assert max(scores[12:]) < IS_ECHO
    assert not check.is_active


def test_a_delay_that_jumps_is_found_again() -> None:
    played = noise(6, seed=3)
    early, late = delayed(played, 80, 0.1), delayed(played, 200, 0.1)
    microphone = np.concatenate([early[: 3 * MIC_RATE], late[3 * MIC_RATE :]])
    flagged = np.array(judge(EchoCheck(), played, microphone)) >= IS_ECHO
    jump = int(3 / 0.032)
    assert flagged[20:jump].all()
    assert flagged[jump + 8 : -10].all()


def test_pause_and_resume_move_the_reference() -> None:
    """After a false interruption the same samples are played later."""
    check, played = EchoCheck(), noise(4, seed=4)
    first = judge(check, played[: 2 * MIC_RATE], delayed(played[: 2 * MIC_RATE], 60, 0.1))
    again = judge(
        check, played[2 * MIC_RATE :], delayed(played[2 * MIC_RATE :], 60, 0.1), start_s=100 + 2.06 + 1.0
    )
    assert min(first[10:-10]) >= IS_ECHO
    assert min(again[4:-10]) >= IS_ECHO


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_narrowing_keeps_time_and_level_at_any_rate(rate: int) -> None:
    tone = (8_000 * np.sin(2 * np.pi * 1_000 * np.arange(rate) / rate)).astype(np.int16)
    narrowing = Narrowing(rate)
    pieces = np.array_split(tone, np.arange(100, rate, 311))
    result = np.concatenate([narrowing.process(piece) for piece in pieces])
    assert abs(len(result) - RATE) <= 1
    np.testing.assert_allclose(result, Narrowing(rate).process(tone), atol=1e-5)
    assert np.sqrt(2 * np.mean(result[200:] ** 2)) == pytest.approx(8_000 / 32_768, rel=0.03)


def test_the_reference_is_a_ring() -> None:
    reference = Reference()
    said = np.arange(1, 20_001, dtype=np.int16)
    for at in range(0, 20_000, 500):
        reference.write(said[at : at + 500], RATE, 60_000 + at)
    reference.advance(70_000)
    expected = said[8_000:9_000] / np.float32(32_768)
    # A narrow signal passes with one sample's delay at most.
    assert np.abs(reference.read(68_000, 1_000) - expected).max() < 2 / 32_768
    assert not reference.read(40_000, 1_000).any()
    reference.cancel(70_000)
    assert reference.read(69_990, 10).all()
    assert not reference.read(70_001, 5_000).any()


times = st.one_of(st.floats(0, 20), st.floats(allow_nan=True, allow_infinity=True))
pcm = st.builds(
    lambda seed, count, peak: (np.random.default_rng(seed).uniform(-1, 1, count) * peak).astype(np.int16),
    st.integers(0, 9),
    st.sampled_from([0, 1, 7, 160, 441, 512, 512, 960, 5_000]),
    st.sampled_from([0, 1, 500, 32_767]),
)
calls = st.one_of(
    st.tuples(st.just("played"), pcm, st.sampled_from([8_000, 16_000, 22_050, 24_000, 48_000]), times),
    st.tuples(st.just("heard"), pcm, times),
    st.tuples(st.just("cancelled"), times),
)


@settings(max_examples=150)
@given(st.lists(calls, max_size=30))
def test_any_input_gives_a_score(steps: list[tuple[str, object]]) -> None:
    check = EchoCheck()
    for name, *arguments in steps:
        result = getattr(check, name)(*arguments)
        if name == "heard":
            assert 0.0 <= result <= 1.0
        assert isinstance(check.is_active, bool)


@given(st.lists(st.tuples(st.floats(-0.01, 0.01), st.integers(0, 50)), min_size=20, max_size=40))
def test_times_that_stagger_give_a_score(jitter: list[tuple[float, int]]) -> None:
    check, sound, at_s = EchoCheck(), noise(0.032, seed=1), 5.0
    for off_s, gap in jitter:
        at_s += 0.032 + (gap == 50) * 3.0
        check.played(sound, MIC_RATE, at_s + off_s)
        assert 0.0 <= check.heard(sound, at_s - off_s) <= 1.0


def test_an_hour_takes_no_more_memory_than_a_minute() -> None:
    check, seconds, window = EchoCheck(), noise(4, seed=1), noise(0.032, seed=2)

    def play(start_s: int, end_s: int) -> None:
        for at_s in range(start_s, end_s, 4):
            check.played(seconds, MIC_RATE, at_s)
            check.heard(window, at_s)

    tracemalloc.start()
    try:
        play(0, 60)
        minute = tracemalloc.get_traced_memory()[0]
        play(60, 3_600)
        assert tracemalloc.get_traced_memory()[0] < minute + 50_000
    finally:
        tracemalloc.stop()
