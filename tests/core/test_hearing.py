"""From microphone chunks to endpointing decisions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio import AudioChunk, Samples
from voicebot.endpointing import EndpointDecision, SpeechPaused, SpeechStarted, SpeechSuspected, UserTurnEnded
from voicebot.errors import EngineError
from voicebot.hearing import LISTENING_RATE, TURN_CONTEXT_S, Heard, Hearing
from voicebot.settings import EndpointingSettings
from voicebot.testing import LoudnessVAD, as_engine, tone

SETTINGS = EndpointingSettings(max_delay_ms=700)
WINDOW_S = 512 / LISTENING_RATE


def hearing(settings: EndpointingSettings = SETTINGS) -> Hearing:
    return Hearing(as_engine("vad", LoudnessVAD()), settings)


def audio(seconds: list[float], rate: int) -> Samples:
    """Sound and silence in turn, silence first."""
    parts = [
        tone(s, rate) if index % 2 else np.zeros(round(s * rate), np.int16) for index, s in enumerate(seconds)
    ]
    return np.concatenate([np.zeros(0, np.int16), *parts])


def feed(ear: Hearing, samples: Samples, rate: int, sizes: list[int]) -> list[Heard]:
    """Deliver chunks of these sizes, over and over, each as soon as it is whole."""
    heard: list[Heard] = []
    start = index = 0
    while start < len(samples):
        end = min(start + sizes[index % len(sizes)], len(samples))
        heard += ear.feed(AudioChunk(samples[start:end], rate), end / rate)
        start, index = end, index + 1
    return heard


def decisions_of(heard: list[Heard]) -> list[EndpointDecision]:
    return [decision for item in heard for decision in item.decisions]


# Lengths far from every limit in the settings, so that a millisecond of filter delay decides nothing.
_seconds = st.lists(st.sampled_from([0.3, 0.5, 1.0]), max_size=5)
_sizes = st.lists(st.integers(40, 2_000), min_size=1, max_size=4)


@given(_seconds, _sizes, st.integers(0, 600))
@settings(max_examples=25)
def test_chunking_does_not_matter(seconds: list[float], sizes: list[int], shift: int) -> None:
    samples = audio(seconds, 16_000)[shift:]
    whole, cut = (feed(hearing(), samples, 16_000, s) for s in ([320], sizes))
    assert decisions_of(cut) == decisions_of(whole)
    assert [item.speech_ms for item in cut] == [item.speech_ms for item in whole]
    windows = [item.window.samples for item in cut]
    assert all(len(window) == 512 for window in windows)
    assert np.array_equal(np.concatenate([samples[:0], *windows]), samples[: len(samples) // 512 * 512])


@given(_seconds, _sizes, st.sampled_from([8_000, 24_000, 44_100, 48_000]))
@settings(max_examples=25)
def test_the_rate_does_not_matter(seconds: list[float], sizes: list[int], rate: int) -> None:
    expected = decisions_of(feed(hearing(), audio(seconds, 16_000), 16_000, [320]))
    decisions = decisions_of(feed(hearing(), audio(seconds, rate), rate, sizes))
    # The filter holds back a millisecond: at the very end one window may still be missing.
    assert len(expected) - 2 <= len(decisions) <= len(expected)
    for decision, reference in zip(decisions, expected, strict=False):
        assert type(decision) is type(reference)
        for name in ("start_s", "speech_end_s", "at_s"):
            if hasattr(reference, name):
                assert getattr(decision, name) == pytest.approx(getattr(reference, name), abs=WINDOW_S + 1e-9)


@given(st.integers(1, 3_000), st.floats(0, 1e5), st.floats(0, 5))
@settings(max_examples=50)
def test_the_clock_is_known_to_a_sample(size: int, epoch_s: float, moment_s: float) -> None:
    ear = hearing()
    samples = np.zeros(16_000, np.int16)
    for end in range(size, len(samples) + 1, size):
        for _ in ear.feed(AudioChunk(samples[end - size : end], 16_000), epoch_s + end / 16_000):
            assert ear.clock_at(moment_s) == pytest.approx(epoch_s + moment_s, abs=1 / 16_000)


def test_speech_time_is_counted_while_the_user_speaks() -> None:
    heard = feed(hearing(), audio([0.32, 0.96, 1.28], 16_000), 16_000, [320])
    # All of the sound (30 windows) but what it took to be sure of it: the last of those windows is counted.
    assert sum(item.speech_ms for item in heard) == pytest.approx(960 - 96 + 32)
    kinds = [type(decision) for decision in decisions_of(heard)]
    assert kinds[:3] == [SpeechSuspected, SpeechStarted, SpeechPaused]
    assert kinds[-1] is UserTurnEnded


@given(st.integers(0, 400), st.integers(0, 200), st.integers(1, 60), _sizes)
@settings(max_examples=40)
def test_preroll_and_context_are_the_latest_audio(
    preroll_ms: int, min_speech_ms: int, windows: int, sizes: list[int]
) -> None:
    ear = hearing(EndpointingSettings(preroll_ms=preroll_ms, min_speech_ms=min_speech_ms))
    samples = np.arange(windows * 512).astype(np.int16)
    feed(ear, samples, 16_000, sizes)
    preroll = ear.preroll()
    assert preroll.sample_rate == LISTENING_RATE
    asked_s = (preroll_ms + min_speech_ms) / 1000
    least, most = min(asked_s, windows * WINDOW_S), asked_s + 2 * WINDOW_S
    assert least - 1e-9 <= preroll.duration_s <= most
    for tail in (preroll.samples, ear.turn_context()):
        assert np.array_equal(tail, samples[len(samples) - len(tail) :])


def test_the_context_is_bounded() -> None:
    ear = hearing()
    feed(ear, np.zeros(16_000 * 10, np.int16), 16_000, [1_600])
    assert len(ear.turn_context()) == TURN_CONTEXT_S * LISTENING_RATE


def test_a_change_of_rate_in_mid_call_is_followed() -> None:
    ear = hearing()
    for rate in (48_000, 16_000, 24_000):
        decisions = decisions_of(feed(ear, audio([0.2, 0.5, 1.0], rate), rate, [rate // 50]))
        assert sum(isinstance(decision, SpeechStarted) for decision in decisions) == 1


def test_a_detector_of_another_rate_is_refused() -> None:
    vad = LoudnessVAD()
    vad.sample_rate = 8_000
    with pytest.raises(EngineError, match="8000 Hz") as caught:
        Hearing(as_engine("vad", vad), SETTINGS)
    assert caught.value.plugin == "scripted"


def test_a_failing_detector_is_blamed() -> None:
    vad = LoudnessVAD()
    vad.fail_with = RuntimeError("out of memory")
    ear = Hearing(as_engine("vad", vad), SETTINGS)
    with pytest.raises(EngineError, match="RuntimeError: out of memory") as caught:
        feed(ear, np.zeros(512, np.int16), 16_000, [512])
    assert (caught.value.kind, caught.value.plugin) == ("vad", "scripted")
