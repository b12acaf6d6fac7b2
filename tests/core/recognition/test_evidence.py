from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicebot.recognition.context import FULL_CONTEXT, MIN_CONTEXT, context_length, token_cap
from voicebot.recognition.evidence import cannot_matter, is_silent, is_steady

RNG = np.random.default_rng(7)


def noise(seconds: float, rms: float) -> np.ndarray:
    return (RNG.normal(size=round(seconds * 16_000)) * rms).astype(np.int16)


def test_silence_is_below_60_db() -> None:
    assert is_silent(np.zeros(0, np.int16))
    assert is_silent(np.zeros(16_000, np.int16))
    assert is_silent(noise(1, 25))
    assert not is_silent(noise(1, 100))


def test_one_short_sound_is_not_silence() -> None:
    audio = np.zeros(16_000, np.int16)
    audio[8000:8320] = noise(0.02, 200)
    assert not is_silent(audio)


def test_a_fan_is_steady_and_speech_is_not() -> None:
    assert is_steady(noise(2, 1000))
    syllables = noise(2, 3000) * (np.sin(np.arange(32_000) / 16_000 * 2 * np.pi * 4) > 0)
    assert not is_steady(syllables.astype(np.int16))


def test_the_loudest_possible_sample_is_loud() -> None:
    assert not is_silent(np.full(100, -32768, np.int16))


@given(st.integers(0, 32768), st.integers(0, 32768))
def test_only_quiet_audio_after_loud_cannot_matter(peak: int, added: int) -> None:
    assert cannot_matter(max(peak, added), added) == (added < 327 and 10 * added <= max(peak, added))


@given(st.floats(0, 40), st.integers(MIN_CONTEXT, FULL_CONTEXT))
def test_the_context_holds_the_clip(seconds: float, at_least: int) -> None:
    length = context_length(seconds, at_least)
    assert at_least <= length <= FULL_CONTEXT
    assert length == FULL_CONTEXT or length >= 50 * seconds + 64


def test_context_lengths_of_typical_clips() -> None:
    assert context_length(2, 512) == 512
    assert context_length(10, 512) == 564
    assert context_length(10, 768) == 768
    assert context_length(29, 512) == 1500
    assert token_cap(2) == 18
    assert token_cap(0.1) == 7
