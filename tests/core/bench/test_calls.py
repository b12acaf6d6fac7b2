"""Whole scenarios among scripted engines, on the virtual clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from voicebot.audio import Samples
from voicebot.bench.runner import Contestant, hold_scenario, hold_scenarios
from voicebot.bench.scenario import BENCH_RATE, Barge, BenchTurn, Pause, Scenario
from voicebot.bench.scoring import CallRecord, TurnResult, judge
from voicebot.engines import Engines
from voicebot.errors import EngineError
from voicebot.settings import SessionSettings
from voicebot.testing import (
    LoudnessVAD,
    ScriptedLLM,
    ScriptedSTT,
    ScriptedTTS,
    ScriptedTurn,
    as_engine,
    run_virtual,
    tone,
)

REPLY = "The museum opens at ten and closes at five on every day of the week but Monday and the holidays."
WORDS = len(REPLY.split())


def contestant(
    texts: Iterable[str] = ("when does it open", "wait a moment please"),
    *,
    reply: str = REPLY,
    delay_ms: int = 400,
    **settings: Any,
) -> Contestant:
    engines = Engines(
        as_engine("vad", LoudnessVAD()),
        as_engine("stt", ScriptedSTT(texts)),
        as_engine("turn", ScriptedTurn(delay_ms)),
        as_engine("llm", ScriptedLLM([reply] * 9)),
        as_engine("tts", ScriptedTTS()),
    )
    # How busy the machine is must not matter here.
    settings.setdefault("speculation", {"min_idle": 0})
    return Contestant("scripted", SessionSettings.model_validate(settings), engines)


def said(*parts: float) -> Samples:
    """Seconds of sound, of silence, of sound …"""
    sounds = [
        tone(s) if i % 2 == 0 else np.zeros(round(s * BENCH_RATE), np.int16) for i, s in enumerate(parts)
    ]
    return np.concatenate(sounds)


def turn(*parts: float, text: str = "when does it open") -> BenchTurn:
    parts = parts or (1.2,)
    edges = np.cumsum(parts)
    pauses = tuple(Pause(float(edges[i - 1]), float(edges[i])) for i in range(1, len(parts), 2))
    return BenchTurn(
        "t", "pause" if pauses else "plain", text, said(*parts), 0.0, float(edges[-1]), "tone", pauses
    )


def barge(kind: Any, seconds: float, *, after_s: float = 1.5, text: str = "") -> Barge:
    return Barge("b", kind, text, said(seconds), 0.0, seconds, "tone", after_s)


def hold(scenario: Scenario, who: Contestant | None = None) -> tuple[CallRecord, TurnResult]:
    async def held() -> CallRecord:
        chosen = who or contestant()
        try:
            return await hold_scenario(chosen, scenario)
        finally:
            await chosen.engines.aclose()

    record = run_virtual(held())
    return record, judge(record)


def test_a_plain_turn_is_timed_from_the_audio_and_the_rest_of_the_answer_is_left_out() -> None:
    record, result = hold(Scenario("s", turn()))
    assert result.fault == ""
    assert not result.cut_off
    assert result.voice_to_voice_ms is not None
    assert result.server_voice_to_voice_ms is not None
    # The server does not know the last sample better than its voice-activity windows of 32 ms.
    assert result.voice_to_voice_ms == pytest.approx(result.server_voice_to_voice_ms, abs=34)
    assert result.voice_to_voice_ms >= 400
    assert result.hops_ms["end_of_turn"] >= 400
    assert (result.word_errors, result.words) == (0, 4)
    assert record.length - record.caller.speech_end < 3 * BENCH_RATE
    assert result.duration_s == pytest.approx(record.length / BENCH_RATE, abs=0.1)


def test_the_microphone_and_the_listener_share_a_clock() -> None:
    record, result = hold(Scenario("s", turn()))
    mic = np.concatenate(record.caller.mic)
    begin = record.caller.turn_at
    assert np.array_equal(mic[begin : begin + 19_200], turn().audio)
    assert not mic[:begin].any()
    agent = record.caller.agent.played(0, record.length)
    loud = np.flatnonzero(np.abs(agent) > 327)
    assert (loud[0] - record.caller.speech_end) * 1000 / BENCH_RATE == pytest.approx(
        result.voice_to_voice_ms, abs=0.01
    )


def test_an_answer_in_a_pause_is_a_cut_off_and_the_latency_is_that_of_the_next_one() -> None:
    record, result = hold(Scenario("s", turn(1.0, 0.9, 1.0)), contestant(["when does", "it open now"]))
    assert result.cut_off
    assert result.has_long_pause
    assert record.caller.answer is not None
    assert record.caller.answer.started >= record.caller.speech_end
    assert result.voice_to_voice_ms is None or result.voice_to_voice_ms > 0


def test_a_pause_that_is_waited_for_is_no_cut_off() -> None:
    _, result = hold(Scenario("s", turn(1.0, 0.3, 1.0)))
    assert not result.cut_off
    assert not result.has_long_pause
    assert result.longest_pause_ms == 300
    assert result.voice_to_voice_ms is not None


def test_an_interruption_ends_the_answer_and_is_timed_to_the_last_audible_sample() -> None:
    heard = " ".join(REPLY.split()[:8])
    who = contestant(["when does it open", "wait a moment please", heard])
    sound = barge("interruption", 1.2, text="wait a moment please")
    record, result = hold(Scenario("s", turn(), sound), who)
    assert result.barge is not None
    assert not result.barge.missed
    assert result.barge.stop_ms is not None
    assert result.barge.decision_ms is not None
    assert 0 < result.barge.stop_ms < 700
    agent = record.caller.agent.played(0, record.length)
    assert record.caller.barge_speech is not None
    last = int(np.flatnonzero(np.abs(agent) > 327)[-1])
    assert (last - record.caller.barge_speech[0]) * 1000 / BENCH_RATE == pytest.approx(
        result.barge.stop_ms, abs=0.01
    )
    assert result.transcript == "when does it open"
    # The scripted recogniser says which words were heard, give or take the one that was begun.
    assert result.barge.answer_text.startswith(heard)
    assert result.barge.heard_transcript == heard
    assert result.barge.ledger_error_words is not None
    assert abs(result.barge.ledger_error_words) <= 1


def test_the_sound_begins_when_the_scenario_says() -> None:
    record, _ = hold(Scenario("s", turn(), barge("interruption", 1.2, after_s=0.7)))
    answer = record.caller.answer
    assert answer is not None
    audible = record.caller.agent.first_audible(answer.turn_id, record.length)
    assert audible is not None
    assert record.caller.barge_at == audible + round(0.7 * BENCH_RATE)


def test_an_interruption_that_nobody_minds_is_missed() -> None:
    who = contestant(interruption={"enabled": False})
    _, result = hold(Scenario("s", turn(), barge("interruption", 1.0)), who)
    assert result.barge is not None
    assert result.barge.missed
    assert result.barge.stop_ms is None


def test_a_cough_ends_nothing_and_every_sample_is_heard() -> None:
    who = contestant(["when does it open", ""])
    record, result = hold(Scenario("s", turn(), barge("cough", 0.12)), who)
    assert result.barge is not None
    assert not result.barge.false_interruption
    assert result.barge.all_resumed
    assert result.barge.extra_turns == 0
    answer = record.caller.answer
    assert answer is not None
    # 0.2 s a word, and 20 ms packets.
    assert len(record.caller.agent.audio(answer.turn_id, record.length)) / BENCH_RATE == pytest.approx(
        WORDS * 0.2, abs=0.03
    )


def test_the_loudspeaker_comes_back_delayed_and_quieter() -> None:
    scenario = Scenario("s", turn(), barge("echo", 0, after_s=0), echo_gain_db=-20.0, echo_delay_ms=50.0)
    record, result = hold(scenario, contestant(["when does it open"]))
    mic = np.concatenate(record.caller.mic)
    agent = record.caller.agent.played(0, len(mic))
    delay = BENCH_RATE // 20
    after = record.caller.turn_end + delay
    assert np.abs(mic[after:] - agent[after - delay : len(mic) - delay] * 0.1).max() <= 1
    assert np.abs(mic[after:]).max() > 1000
    assert result.barge is not None
    assert not result.barge.false_interruption
    assert result.barge.all_resumed


def test_noise_is_in_the_microphone_all_the_time() -> None:
    noise = np.arange(1, 1001, dtype=np.int16) % 7
    record, _ = hold(replace(Scenario("s", turn()), noise=noise))
    mic = np.concatenate(record.caller.mic)
    assert np.array_equal(mic[:2500], np.take(noise, np.arange(2500), mode="wrap"))


def test_a_turn_that_gets_no_answer_is_a_fault_and_the_call_ends_soon() -> None:
    record, result = hold(Scenario("s", turn()), contestant([""]))
    assert result.fault == "unanswered"
    assert result.voice_to_voice_ms is None
    assert (result.word_errors, result.words) == (4, 4)
    assert record.length < 8 * BENCH_RATE


def test_an_answer_that_is_over_too_soon_leaves_nothing_to_interrupt() -> None:
    _, result = hold(Scenario("s", turn(), barge("cough", 0.1, after_s=3.0)), contestant(reply="Yes."))
    assert result.fault == "no_barge"
    assert result.barge is None
    assert result.voice_to_voice_ms is not None


def test_a_call_that_breaks_down_is_a_fault_and_the_next_one_is_held() -> None:
    who = contestant(["one", "two"])
    results: list[TurnResult] = []

    async def run() -> None:
        who.engines.vad.provider.fail_with = EngineError("no such luck")  # type: ignore[attr-defined]
        await hold_scenarios(
            [who],
            [Scenario("a", turn()), Scenario("b", turn())],
            on_result=lambda _, r, __: results.append(r),
        )

    run_virtual(run())
    assert [result.fault for result in results] == ["vad scripted: no such luck", ""]
    assert results == who.results
    assert who.engines.vad.provider.closes == 1  # type: ignore[attr-defined]


def test_two_profiles_take_turns_and_hold_the_same_scenarios() -> None:
    one, two = (contestant(["when does it open"] * 9, delay_ms=ms) for ms in (400, 1400))
    one.name, two.name = "one", "two"
    order: list[str] = []
    scenarios = [Scenario(name, turn()) for name in "abc"]
    run_virtual(
        hold_scenarios(
            [one, two], scenarios, on_result=lambda who, result, _: order.append(f"{who.name} {result.name}")
        )
    )
    assert order == ["one a", "two a", "two b", "one b", "one c", "two c"]
    quick, slow = ([r.voice_to_voice_ms for r in who.results] for who in (one, two))
    assert all(b is not None and a is not None and b - a > 250 for a, b in zip(quick, slow, strict=True))


def test_the_greeting_is_left_out() -> None:
    _, result = hold(Scenario("s", turn()), contestant(agent={"greeting": "Hello there, how can I help?"}))
    assert result.voice_to_voice_ms is not None
    assert not result.cut_off
