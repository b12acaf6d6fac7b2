from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.audio import Samples
from voicebot.recognition.loudness import Loudness

WINDOW = 512
RNG = np.random.default_rng(11)


def tone(windows: float, db: float) -> Samples:
    """A hum of so many windows, dB over an amplitude of 1."""
    return (np.sin(np.arange(int(windows * WINDOW))) * 10 ** (db / 20)).astype(np.int16)


def after(*parts: Samples) -> Loudness:
    loudness = Loudness()
    for part in parts:
        loudness.push(part)
    return loudness


def test_the_first_quiet_window_after_speech_is_the_end_of_it() -> None:
    loudness = after(tone(40, 75))
    assert not loudness.faded
    assert loudness.needed == loudness.end == 40 * WINDOW
    loudness.push(tone(1, 45))
    assert loudness.faded
    assert (loudness.needed, loudness.end) == (40 * WINDOW, 41 * WINDOW)
    loudness.push(tone(5, 45))
    assert loudness.faded
    assert (loudness.needed, loudness.end) == (40 * WINDOW, 41 * WINDOW)
    loudness.push(tone(1, 70))
    assert not loudness.faded
    assert loudness.end == 47 * WINDOW


@pytest.mark.parametrize(("db", "faded"), [(56, False), (52, False), (48, True), (20, True)])
def test_a_soft_consonant_is_speech_and_25_db_less_is_not(db: float, faded: bool) -> None:
    assert after(tone(40, 75), tone(2, db)).faded is faded


def test_a_part_of_a_window_counts_once_it_is_loud() -> None:
    assert after(tone(40, 75), tone(2, 20), tone(0.3, 20)).end == 41 * WINDOW
    loudness = after(tone(40, 75), tone(2, 20), tone(0.5, 75))
    assert not loudness.faded
    assert loudness.end == loudness.count


def test_silence_never_counts_and_a_soft_voice_does_in_the_end() -> None:
    silent = after(tone(40, 75), tone(300, 20))
    assert silent.faded
    assert silent.end == 41 * WINDOW
    assert after(tone(40, 80), tone(15, 51)).end == 41 * WINDOW
    assert after(tone(40, 80), tone(20, 51)).end == 60 * WINDOW  # more than 0.6 s of something
    assert after(tone(40, 80), tone(15, 54)).end == 55 * WINDOW  # the level to compare with sinks


def test_a_click_is_not_taken_for_speech() -> None:
    loudness = after(tone(20, 45), tone(1, 88), tone(20, 45))
    assert not loudness.faded
    assert loudness.end == 41 * WINDOW


def test_nothing_and_silence_have_not_faded() -> None:
    assert not Loudness().faded
    assert Loudness().end == 0
    silence = after(np.zeros(20 * WINDOW, np.int16))
    assert not silence.faded
    assert silence.needed == 0


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_cuts_do_not_matter(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    levels = np.repeat(10 ** rng.uniform(0, 4, 80), 256)[: sum(sizes)]
    audio = (rng.normal(size=len(levels)) * levels).clip(-32768, 32767).astype(np.int16)
    whole = after(audio)
    cut = after(*np.split(audio, np.cumsum(sizes)))
    assert (whole.count, whole.needed, whole.end, whole.faded) == (cut.count, cut.needed, cut.end, cut.faded)
    assert whole.needed <= whole.end <= whole.count == len(audio)
