"""Endpointing: scenes by hand, and its promises for any probabilities and window sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.endpointing import (
    EndpointDecision,
    Endpointing,
    SpeculationDue,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechSuspected,
    SuspicionCleared,
    UserTurnEnded,
    VerdictDue,
)
from voicebot.language.endings import Ending
from voicebot.settings import EndpointingSettings

SLACK_S = 0.0005


def about(seconds: float) -> Any:
    return pytest.approx(seconds)


def feed(
    endpointing: Endpointing, probabilities: Sequence[float], *, start: int = 0, window_ms: int = 20
) -> list[EndpointDecision]:
    """Feed windows, the first being window number `start`."""
    decisions: list[EndpointDecision] = []
    for index, probability in enumerate(probabilities, start):
        begin_s, end_s = index * window_ms / 1000, (index + 1) * window_ms / 1000
        decisions += endpointing.on_window(probability, begin_s, end_s)
    return decisions


def test_a_turn_with_a_pause_in_it() -> None:
    endpointing = Endpointing(
        EndpointingSettings(min_speech_ms=60, suspect_ms=60, max_delay_ms=200, speculate_after_ms=100)
    )
    assert feed(endpointing, [0.0, 0.9, 0.9, 0.9]) == [SpeechStarted(about(0.02))]
    assert endpointing.in_turn
    assert endpointing.speaking
    assert feed(endpointing, [0.1], start=4) == [SpeechPaused(1, about(0.08)), VerdictDue(1)]
    assert endpointing.in_turn
    assert not endpointing.speaking
    assert feed(endpointing, [0.1] * 4, start=5) == [SpeculationDue(1)]
    assert feed(endpointing, [0.9], start=9) == [SpeechResumed(about(0.08), about(0.18), about(0.2))]
    assert feed(endpointing, [0.1] * 10, start=10) == [
        SpeechPaused(2, about(0.2)),
        VerdictDue(2),
        SpeculationDue(2),
        UserTurnEnded(about(0.2), about(0.4), about(0.2)),
    ]
    assert not endpointing.in_turn


def test_hysteresis_it_takes_more_to_begin_than_to_go_on() -> None:
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=40, enter_threshold=0.5, exit_threshold=0.3))
    assert feed(endpointing, [0.4] * 20) == []
    assert feed(endpointing, [0.5, 0.4], start=20) == [SpeechSuspected(), SpeechStarted(about(0.4))]
    assert feed(endpointing, [0.3] * 20, start=22) == []
    # Out of a pause, too, it takes the higher one.
    assert [type(d) for d in feed(endpointing, [0.29, 0.49, 0.5], start=42)] == [
        SpeechPaused,
        VerdictDue,
        SpeculationDue,
        SpeechResumed,
    ]


def test_a_noise_shorter_than_min_speech_starts_nothing() -> None:
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=100, suspect_ms=100))
    assert feed(endpointing, [0.9] * 4 + [0.0] + [0.9] * 4 + [0.0]) == []
    assert len(feed(endpointing, [0.9] * 5, start=10)) == 1


def test_what_may_be_speech_is_told_of_and_cleared_when_it_was_a_noise() -> None:
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=100, suspect_ms=50))
    assert feed(endpointing, [0.9, 0.9]) == []
    assert feed(endpointing, [0.9, 0.9], start=2) == [SpeechSuspected()]
    assert feed(endpointing, [0.0, 0.9, 0.9], start=4) == [SuspicionCleared()]
    assert feed(endpointing, [0.9] * 3, start=7) == [SpeechSuspected(), SpeechStarted(about(0.1))]
    assert feed(Endpointing(EndpointingSettings(min_speech_ms=0)), [0.9]) == [SpeechStarted(about(0))]


def test_a_soft_beginning_counts_towards_suspicion() -> None:
    settings = EndpointingSettings(enter_threshold=0.5, exit_threshold=0.3, suspect_ms=20)
    assert feed(Endpointing(settings), [1.0]) == [SpeechSuspected()]
    assert feed(Endpointing(settings), [0.9, 0.3]) == [SpeechSuspected()]  # 24 ms
    soft = Endpointing(settings)
    assert feed(soft, [0.4] * 20) == []  # a murmur alone holds nobody
    assert feed(soft, [0.5], start=20) == [SpeechSuspected()]
    assert feed(soft, [0.2, 0.4, 0.2, 0.5], start=21) == [SuspicionCleared()]  # counted from anew


def test_the_verdict_shortens_the_wait_within_its_bounds() -> None:
    settings = EndpointingSettings(min_speech_ms=0, min_delay_ms=200, max_delay_ms=1000)
    for asked_ms, expected_ms in ((0, 200), (300, 300), (5_000, 1000)):
        endpointing = Endpointing(settings)
        feed(endpointing, [0.9, 0.0])
        assert endpointing.on_verdict(1, asked_ms) == []
        ended = feed(endpointing, [0.0] * 100, start=2)[-1]
        assert ended == UserTurnEnded(
            about(0.02), about(0.02 + expected_ms / 1000), about(expected_ms / 1000)
        )


def test_a_late_verdict_ends_the_turn_at_once() -> None:
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=0, speculate_after_ms=10_000))
    feed(endpointing, [0.9] + [0.0] * 30)
    assert endpointing.on_verdict(1, 400) == [UserTurnEnded(about(0.02), about(0.62), about(0.4))]
    assert endpointing.on_verdict(1, 400) == []


def test_a_verdict_for_an_earlier_pause_is_ignored() -> None:
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=0))
    feed(endpointing, [0.9] + [0.0] * 30 + [0.9])
    assert endpointing.on_verdict(1, 0) == []
    feed(endpointing, [0.0] * 30, start=32)
    assert endpointing.on_verdict(1, 0) == []
    assert len(endpointing.on_verdict(2, 0)) == 1


def test_the_model_is_asked_again_when_it_wants_to_be() -> None:
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=0))
    feed(endpointing, [0.9, 0.0])
    assert endpointing.on_verdict(1, 900, again_ms=200) == []
    assert feed(endpointing, [0.0] * 20, start=2) == [VerdictDue(1)]
    # For a moment that has passed it is not asked.
    assert endpointing.on_verdict(1, 900, again_ms=100) == []
    assert feed(endpointing, [0.0] * 5, start=22) == []
    assert isinstance(endpointing.on_verdict(1, 200)[0], UserTurnEnded)


def test_a_turn_waits_for_the_transcript_that_is_on_its_way() -> None:
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=0, max_delay_ms=1000))
    feed(endpointing, [0.9, 0.0])
    endpointing.await_text(1)
    endpointing.on_verdict(1, 200)
    assert feed(endpointing, [0.0] * 20, start=2) == []
    assert endpointing.on_text(1, "complete") == [UserTurnEnded(about(0.02), about(0.44), about(0.2))]


def test_a_transcript_that_never_comes_ends_nothing_later_than_the_longest_wait() -> None:
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=0, max_delay_ms=1000))
    feed(endpointing, [0.9, 0.0])
    endpointing.await_text(1)
    endpointing.on_verdict(1, 200)
    assert feed(endpointing, [0.0] * 60, start=2) == [UserTurnEnded(about(0.02), about(1.02), about(0.2))]


def test_words_that_more_will_follow_ask_for_patience() -> None:
    for ending, expected_ms in (("open", 800), ("unknown", 200), ("complete", 200)):
        endpointing = Endpointing(EndpointingSettings(min_speech_ms=0, open_delay_ms=800))
        feed(endpointing, [0.9, 0.0])
        endpointing.on_verdict(1, 200)
        endpointing.on_text(1, ending)  # type: ignore[arg-type]
        ended = feed(endpointing, [0.0] * 100, start=2)[-1]
        assert ended == UserTurnEnded(
            about(0.02), about(0.02 + expected_ms / 1000), about(expected_ms / 1000)
        )
    # The next pause has words of its own.
    endpointing = Endpointing(EndpointingSettings(min_speech_ms=0, open_delay_ms=800))
    feed(endpointing, [0.9, 0.0])
    endpointing.on_text(1, "open")
    feed(endpointing, [0.9, 0.0], start=2)
    assert endpointing.on_text(1, "open") == []
    endpointing.on_verdict(2, 200)
    assert isinstance(feed(endpointing, [0.0] * 20, start=4)[-1], UserTurnEnded)


@st.composite
def endpointing_settings(draw: st.DrawFn) -> EndpointingSettings:
    exit_threshold, enter_threshold = sorted(draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    min_delay_ms, max_delay_ms = sorted(draw(st.tuples(st.integers(0, 400), st.integers(0, 400))))
    return EndpointingSettings(
        enter_threshold=enter_threshold,
        exit_threshold=exit_threshold,
        min_speech_ms=draw(st.integers(0, 150)),
        suspect_ms=draw(st.integers(0, 150)),
        speculate_after_ms=draw(st.integers(0, 400)),
        min_delay_ms=min_delay_ms,
        max_delay_ms=max_delay_ms,
        open_delay_ms=draw(st.integers(0, 600)),
    )


_pauses = st.integers(-2, 0)
_verdicts = st.tuples(_pauses, st.integers(0, 600), st.none() | st.integers(0, 600))
_texts = st.tuples(_pauses, st.none() | st.sampled_from(["complete", "open", "unknown"]))
_told = st.none() | st.tuples(_verdicts | st.none(), _texts | st.none())


def phase_begins(decisions: list[EndpointDecision]) -> bool:
    return any(isinstance(decision, SpeechStarted) for decision in decisions)


@given(
    settings=endpointing_settings(),
    levels=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.3, 0.4, 0.5, 0.6, 1.0]) | st.floats(0, 1), st.integers(1, 8), _told
        ),
        max_size=40,
    ),
    window_ms=st.sampled_from([10.0, 16.0, 20.0, 32.0, 100.0]),
)
def test_promises_for_any_probabilities(
    settings: EndpointingSettings,
    levels: list[tuple[float, int, Any]],
    window_ms: float,
) -> None:
    endpointing = Endpointing(settings)
    phase, pause_id, speech_end_s, speculated = "quiet", 0, 0.0, False
    verdict_ms: int | None = None
    ending: Ending = "unknown"
    awaits, again_s, suspected = False, None, False
    loud_since: float | None = None
    evidence_s = 0.0
    index = 0

    def delay_s() -> float:
        if verdict_ms is None:
            return settings.max_delay_ms / 1000
        wanted = max(verdict_ms, settings.open_delay_ms) if ending == "open" else verdict_ms
        return min(max(wanted, settings.min_delay_ms), settings.max_delay_ms) / 1000

    def wait_s() -> float:
        return settings.max_delay_ms / 1000 if awaits else delay_s()

    def check(decisions: list[EndpointDecision], now_s: float) -> None:
        nonlocal phase, pause_id, speech_end_s, speculated, verdict_ms, ending, awaits, again_s, suspected
        for decision in decisions:
            silence_s = now_s - speech_end_s
            if isinstance(decision, SpeechSuspected):
                assert phase == "quiet"
                assert not suspected
                assert loud_since is not None
                assert evidence_s >= settings.suspect_ms / 1000 - SLACK_S
                suspected = True
            elif isinstance(decision, SuspicionCleared):
                assert phase == "quiet"
                assert suspected
                suspected = False
            elif isinstance(decision, SpeechStarted):
                assert phase == "quiet"
                suspected = False
                assert loud_since is not None
                assert decision.start_s == loud_since
                assert now_s - loud_since >= settings.min_speech_ms / 1000 - SLACK_S
                phase = "speaking"
            elif isinstance(decision, SpeechPaused):
                assert phase == "speaking"
                assert decision.pause_id > pause_id
                assert decision.speech_end_s == speech_end_s
                phase, pause_id, speculated = "paused", decision.pause_id, False
                verdict_ms, ending, awaits, again_s = None, "unknown", False, None
            elif isinstance(decision, VerdictDue):
                assert decision.pause_id == pause_id
                # At the first silent window, and when it asked to be.
                assert again_s is None or silence_s >= again_s - SLACK_S
                again_s = None
            elif isinstance(decision, SpeculationDue):
                assert phase == "paused"
                assert not speculated
                assert decision.pause_id == pause_id
                assert silence_s >= settings.speculate_after_ms / 1000 - SLACK_S
                speculated = True
            elif isinstance(decision, SpeechResumed):
                assert phase == "paused"
                phase = "speaking"
            else:
                assert phase == "paused"
                assert decision == UserTurnEnded(speech_end_s, now_s, delay_s())
                assert silence_s >= wait_s() - SLACK_S
                assert silence_s >= settings.min_delay_ms / 1000 - SLACK_S
                phase = "quiet"
        assert endpointing.in_turn == (phase != "quiet")
        assert endpointing.speaking == (phase == "speaking")
        if phase == "paused":
            # Whatever was due by now has been said.
            assert now_s - speech_end_s < wait_s()
            assert again_s is None or now_s - speech_end_s < again_s
            assert speculated or now_s - speech_end_s < settings.speculate_after_ms / 1000

    now_s = 0.0
    for probability, count, told in levels:
        for _ in range(count):
            start_s, now_s = index * window_ms / 1000, (index + 1) * window_ms / 1000
            index += 1
            if phase == "quiet":
                faint = probability < settings.exit_threshold
                evidence_s = 0.0 if faint else evidence_s + probability * (now_s - start_s)
                if loud_since is None:
                    loud_since = start_s if probability >= settings.enter_threshold else None
                elif probability < settings.exit_threshold:
                    loud_since = None
            bar = settings.enter_threshold if phase == "paused" else settings.exit_threshold
            before, loud = phase, probability >= bar
            decisions = endpointing.on_window(probability, start_s, now_s)
            if before == "quiet":
                due = loud_since is not None and now_s - loud_since >= settings.min_speech_ms / 1000 - SLACK_S
                assert any(isinstance(d, SpeechStarted) for d in decisions) == due
            elif before == "speaking":
                assert bool(decisions) == (not loud)
            else:
                assert any(isinstance(d, SpeechResumed) for d in decisions) == loud
            if (before == "quiet" and phase_begins(decisions)) or (before != "quiet" and loud):
                speech_end_s = now_s
            check(decisions, now_s)
            if phase != "quiet" or before != "quiet":
                loud_since = None
        verdict, text = told or (None, None)
        if verdict is not None:
            age, asked_ms, again_ms = verdict
            if age == 0 and phase == "paused":
                verdict_ms = asked_ms
                later = again_ms is not None and again_ms / 1000 > now_s - speech_end_s
                again_s = again_ms / 1000 if later else None
            decisions = endpointing.on_verdict(pause_id + age, asked_ms, again_ms)
            assert not (decisions and age)
            check(decisions, now_s)
        if text is not None:
            age, said = text
            if said is None:
                endpointing.await_text(pause_id + age)
                awaits = awaits or (age == 0 and phase == "paused")
                continue
            if age == 0 and phase == "paused":
                awaits, ending = False, said
            decisions = endpointing.on_text(pause_id + age, said)
            assert not (decisions and age)
            check(decisions, now_s)
