"""Calls made by hand: what the audio and the events say is what is reported."""

from __future__ import annotations

import json

import numpy as np
import pytest

from voicebot.audio import Samples
from voicebot.bench.barges import BargeResult
from voicebot.bench.caller import SimulatedCaller
from voicebot.bench.report import as_dict, lines, plain_json
from voicebot.bench.scenario import BENCH_RATE, Barge, BenchTurn, Pause, Scenario
from voicebot.bench.scoring import CallRecord, TurnResult, judge
from voicebot.bench.summary import percentile, summarise
from voicebot.events import (
    AgentTurnEnded,
    AgentTurnStarted,
    Event,
    InterruptionJudged,
    PauseJudged,
    ProviderFailed,
    SpeculationDiscarded,
    TurnMeasured,
    UserTranscript,
)

START_S = 100.0
"""Where the call begins on the events' clock."""
LEAD_IN_S = 0.4


def loud(seconds: float) -> Samples:
    return np.full(round(seconds * BENCH_RATE), 9000, np.int16)


class Call:
    """A call whose every moment is named in seconds since it began."""

    def __init__(self, *, pauses: tuple[Pause, ...] = (), barge: Barge | None = None) -> None:
        turn = BenchTurn("t", "plain", "what time is it", loud(2.0), 0.0, 2.0, "tone", pauses)
        self.caller = SimulatedCaller(Scenario("s", turn, barge))
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)
        self.caller.on_event(event, round((event.at_s - START_S) * BENCH_RATE))

    def answer(self, turn_id: int, at: float, audible_at: float, seconds: float) -> None:
        self.tell(AgentTurnStarted(START_S + at, turn_id))
        self.caller.agent.send(loud(seconds), round(audible_at * BENCH_RATE))

    def pause(
        self, at: float, silence_ms: float, *, ended: bool, turn_id: int = 1, delay_ms: float = 300
    ) -> None:
        verdicts = [{"at_ms": 40, "delay_ms": delay_ms, "probability": 0.5}]
        moment = START_S + at + silence_ms / 1000
        self.tell(PauseJudged(moment, turn_id, START_S + at, ended, silence_ms, delay_ms, verdicts))

    def result(self, length_s: float = 9.0) -> TurnResult:
        return judge(CallRecord(self.caller, START_S, round(length_s * BENCH_RATE), self.events))


def test_latency_counts_from_the_last_speech_sample_whatever_the_server_says() -> None:
    call = Call()
    call.pause(2.45, 300, ended=True)
    call.answer(1, at=2.75, audible_at=2.9, seconds=1)
    hops = {
        "end_of_turn": 300.0,
        "stt_final": 40.0,
        "llm_ttft": 120.0,
        "first_clause": 10.0,
        "tts_ttfa": 30.0,
    }
    stamps = {"speech_ended": 2450.0, "committed": 2750.0, "tts_first_audio": 2800.0}
    call.tell(
        TurnMeasured(START_S + 3, 1, {"voice_to_voice_ms": 450.0, "hops_ms": hops, "timeline_ms": stamps})
    )
    result = call.result()
    assert result.voice_to_voice_ms == 500.0
    assert result.server_voice_to_voice_ms == 450.0
    assert result.hops_ms == hops
    assert result.timing == {
        "lag_ms": 50.0,
        "waited_ms": 300.0,
        "ready_ms": 350.0,
        "serial_ms": 200.0,
        "rest_ms": 100.0,
    }
    assert [pause["true_end"] for pause in result.pauses] == [True]


def test_a_cut_off_without_a_later_answer_has_no_latency() -> None:
    call = Call(pauses=(Pause(1.0, 1.8),))
    call.pause(1.4, 300, ended=True)
    call.answer(1, at=1.7, audible_at=1.75, seconds=3)
    result = call.result()
    assert result.cut_off
    assert result.voice_to_voice_ms is None
    # It was waited for 300 ms; it would have lasted 800.
    assert [(p["true_end"], p["silence_ms"], p["lasted_ms"]) for p in result.pauses] == [(False, 300, 800)]


def test_a_later_answer_counts_and_the_words_of_both_turns_do() -> None:
    call = Call(pauses=(Pause(1.0, 1.8),))
    call.tell(UserTranscript(START_S + 1.6, 1, "What time", True))
    call.answer(1, at=1.7, audible_at=1.75, seconds=0.2)
    call.tell(AgentTurnEnded(START_S + 2.3, 1, "It is", "It", "interrupted"))
    call.tell(UserTranscript(START_S + 2.8, 2, "is it?", True))
    call.answer(2, at=2.8, audible_at=3.0, seconds=1)
    result = call.result()
    assert result.cut_off
    assert result.voice_to_voice_ms == 600.0
    assert (result.word_errors, result.words) == (0, 4)


def interrupted(kind: str = "interruption") -> Call:
    barge = Barge("b", kind, "wait", loud(1.0), 0.1, 0.9, "tone", 1.0)  # type: ignore[arg-type]
    call = Call(barge=barge)
    call.answer(1, at=2.7, audible_at=3.0, seconds=2.5)
    call.caller.speak(3 * BENCH_RATE, 320)
    call.caller.speak(4 * BENCH_RATE, 320)
    assert call.caller.barge_at == 4 * BENCH_RATE
    return call


def test_stopping_is_timed_from_the_first_speech_sample_to_the_last_audible_one() -> None:
    call = interrupted()
    call.caller.agent.cancel(round(4.28 * BENCH_RATE))
    call.tell(InterruptionJudged(START_S + 4.25, 1, True, "words", 150, "wait", 0))
    call.tell(AgentTurnEnded(START_S + 4.25, 1, "One two three", "One", "interrupted"))
    barge = call.result().barge
    assert barge is not None
    assert barge.stop_ms == pytest.approx(180, abs=0.1)
    assert barge.decision_ms == pytest.approx(150, abs=0.1)
    assert barge.decision_to_silence_ms == pytest.approx(30, abs=0.1)
    assert barge.judged[0]["why"] == "words"
    assert not barge.missed


def test_an_agent_that_was_held_was_silent_before_it_was_decided() -> None:
    call = interrupted()
    call.caller.agent.cancel(round(4.2 * BENCH_RATE))
    call.tell(InterruptionJudged(START_S + 4.5, 1, True, "words", 350, "wait", 300))
    call.tell(AgentTurnEnded(START_S + 4.5, 1, "One two three", "One", "interrupted"))
    barge = call.result().barge
    assert barge is not None
    assert barge.stop_ms == pytest.approx(100, abs=0.1)
    assert barge.decision_to_silence_ms == 0


@pytest.mark.parametrize(("begin", "resumed_at", "whole"), [(1.3, 0, True), (1.4, 1600, False)])
def test_an_answer_that_goes_on_after_a_cough_is_compared_sample_by_sample(
    begin: float, resumed_at: int, whole: bool
) -> None:
    barge = Barge("b", "cough", "", loud(0.2), 0.0, 0.2, "tone", 1.0)
    call = Call(barge=barge)
    rng = np.random.default_rng(7)
    speech = rng.integers(-9000, 9000, 2 * BENCH_RATE).astype(np.int16)
    call.tell(AgentTurnStarted(START_S + 2.7, 1))
    call.caller.agent.send(speech, 3 * BENCH_RATE)
    call.caller.speak(3 * BENCH_RATE, 320)
    call.caller.speak(4 * BENCH_RATE, 320)
    call.caller.agent.cancel(round(4.3 * BENCH_RATE))
    call.caller.agent.send(speech[round(begin * BENCH_RATE) :], round(4.8 * BENCH_RATE))
    call.tell(AgentTurnEnded(START_S + 6, 1, "One two", "One two", "finished"))
    judged = call.result().barge
    assert judged is not None
    assert judged.resumed_at == [resumed_at]
    assert judged.all_resumed is whole
    assert judged.held_ms == 500.0
    assert not judged.false_interruption


def test_a_cough_that_ends_the_answer_is_a_false_interruption() -> None:
    call = interrupted("cough")
    call.caller.agent.cancel(round(4.2 * BENCH_RATE))
    call.tell(AgentTurnEnded(START_S + 4.2, 1, "One two three", "One", "interrupted"))
    call.answer(2, at=5, audible_at=5.2, seconds=0.5)
    barge = call.result().barge
    assert barge is not None
    assert barge.false_interruption
    assert barge.all_resumed is None
    assert barge.extra_turns == 1


def test_wasted_work_and_engine_errors_are_listed() -> None:
    call = Call()
    call.tell(SpeculationDiscarded(START_S + 2, 1, "what", 12, 400.0, 300.0, 150.0))
    call.tell(ProviderFailed(START_S + 2.1, "turn", "smart", "x", "no verdict within 0.3 s", None))
    call.answer(1, at=2.7, audible_at=3.0, seconds=2)
    result = call.result()
    assert result.discarded == [{"tokens": 12, "audio_ms": 400.0, "ran_ms": 300.0, "cpu_ms": 150.0}]
    assert result.errors == ["turn smart: no verdict within 0.3 s"]


# --- many turns -------------------------------------------------------------------------------------------------------


def turn_result(latency: float | None, **values: object) -> TurnResult:
    plain = TurnResult("n", "plain", "a b", "v", None, 0.0, False, voice_to_voice_ms=latency)
    for name, value in values.items():
        setattr(plain, name, value)
    return plain


def test_of_few_samples_the_99th_percentile_is_the_largest() -> None:
    assert percentile([100, 200, 300], 99) == 300
    assert percentile(range(101), 99) == 99
    assert percentile([None], 50) is None


def test_nothing_measured_is_null_not_nan() -> None:
    summary = summarise([])
    assert summary["voice_to_voice_median_ms"] is None
    assert summary["cut_off_rate"] is None
    assert summary["wer"] is None
    assert summary["cpu_share"] is None


def test_what_engines_report_becomes_json() -> None:
    odd = {
        "a": np.float32(0.5),
        "b": float("nan"),
        "c": (np.int64(3), float("inf")),
        "d": {1: None, "e": True},
    }
    assert plain_json(odd) == {"a": 0.5, "b": None, "c": [3, None], "d": {"1": None, "e": True}}
    report = as_dict({"p": [turn_result(float("nan"))]}, seed=1, budget_ms={}, planned=1, peak_rss_mb=1.0)
    json.dumps(report, allow_nan=False)
    assert lines(report)


def test_turns_with_long_pauses_and_broken_calls_are_not_in_the_cut_off_rate() -> None:
    turns = [
        turn_result(400.0),
        turn_result(300.0, cut_off=True, longest_pause_ms=300.0),
        turn_result(None, cut_off=True, longest_pause_ms=800.0, has_long_pause=True),
        turn_result(None, fault="llm x: gone"),
    ]
    summary = summarise(turns)
    assert summary["cut_off_rate"] == 0.5
    assert summary["cut_off_rate_all"] == pytest.approx(2 / 3, abs=1e-4)
    assert summary["cut_off_by_pause"] == {
        "no pause": {"turns": 1, "cut_off_rate": 0.0},
        "up to 0.5 s": {"turns": 1, "cut_off_rate": 1.0},
        "0.5 to 1 s": {"turns": 1, "cut_off_rate": 1.0},
    }
    assert summary["voice_to_voice_median_ms"] == 350.0
    assert summary["faults"] == {"llm x: gone": 1}


def test_interruptions_and_other_sounds_are_counted_apart() -> None:
    def barge(kind: str, **values: object) -> TurnResult:
        result = BargeResult("b", kind, False)
        for name, value in values.items():
            setattr(result, name, value)
        return turn_result(400.0, barge=result)

    summary = summarise(
        [
            barge("interruption", stop_ms=120.0, ended_answer=True, ledger_error_words=-3),
            barge("interruption", stop_ms=180.0, ended_answer=True, ledger_error_words=1),
            barge("interruption", missed=True),
            barge("cough", held_ms=400.0, all_resumed=True),
            barge("echo", ended_answer=True, false_interruption=True),
        ]
    )
    assert summary["missed_interruption_rate"] == pytest.approx(1 / 3, abs=1e-4)
    assert (summary["stop_median_ms"], summary["stop_max_ms"]) == (150.0, 180.0)
    assert (summary["ledger_error_words_mean"], summary["ledger_error_words_max"]) == (2.0, 3)
    assert summary["ledger_within_2_words"] == 0.5
    assert summary["false_interruption_rate"] == 0.5
    assert summary["false_interruptions"] == {"echo": 1}
    assert (summary["false_holds"], summary["false_hold_median_ms"]) == (1, 400.0)
    assert summary["all_resumed_rate"] == 1.0
