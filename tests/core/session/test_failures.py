"""Engines that fail, hang or misbehave: named, contained, and never left running."""

from __future__ import annotations

import asyncio

import pytest
from tests.core.session.call import Call

from voicebot.errors import EngineError, EngineTimeout
from voicebot.events import CallEnded, Event, ProviderFailed
from voicebot.testing import Say, Silence

TWO_QUESTIONS: list[Say | Silence] = [Say(1.0), Silence(4.0), Say(1.0), Silence(4.0)]


def two_questions(**settings: object) -> Call:
    return Call(TWO_QUESTIONS, texts=["one", "two"], replies=["First.", "Second."], **settings)


def test_a_model_that_raises_spoils_one_turn_only() -> None:
    call = Call(TWO_QUESTIONS, texts=["one", "two"], replies=[ValueError("bad weights"), "Second."])
    report = call.run()
    assert [(t.user_text, t.reason, t.heard_text) for t in report.turns] == [
        ("one", "failed", ""),
        ("two", "finished", "Second."),
    ]
    (error,) = report.errors
    assert (error.kind, error.plugin, error.distribution) == ("llm", "scripted", "voicebot-testing")
    assert "ValueError: bad weights" in str(error)
    assert report.turns[0].errors == ["ValueError: bad weights"]
    assert any(isinstance(e, ProviderFailed) and e.turn_id == 1 for e in call.observed)


def test_a_model_that_says_nothing_is_at_fault() -> None:
    report = Call([Say(1.0), Silence(3.0)], texts=["one"], replies=["\U0001f600"]).run()
    assert report.turns[0].reason == "failed"
    assert "nothing to say" in report.errors[0].message


def test_a_model_that_hangs_misses_its_deadline() -> None:
    call = two_questions(deadlines={"llm_first_token_s": 0.5})
    call.llm.ttft_s = 30
    report = call.run()
    assert {type(error) for error in report.errors} == {EngineTimeout}
    assert "no token within 0.5 s" in report.errors[0].message
    assert call.llm.running == 0


def test_a_voice_that_raises_in_mid_answer_keeps_what_was_heard() -> None:
    call = two_questions()
    call.llm.replies = ["First sentence here. Second sentence here.", "Second."]
    speak, calls = call.tts.synthesize, 0

    def flaky(text: str):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        if calls == 2:
            call.tts.fail_with = RuntimeError("voice lost")
        return speak(text)

    call.tts.synthesize = flaky  # type: ignore[method-assign]
    report = call.run()
    assert report.turns[0].reason == "failed"
    assert report.turns[1].heard_text == "Second."
    assert report.errors[0].kind == "tts"


def test_a_recogniser_that_raises_loses_one_turn_only() -> None:
    call = two_questions()
    call.stt.fail_with = EngineError("server said 500", retryable=True)
    report = call.run()
    assert report.errors[0].kind == "stt"
    assert report.errors[0].plugin == "scripted"
    assert report.errors[0].retryable
    assert [t.reason for t in report.turns] == ["finished"]


def test_an_end_of_turn_model_that_raises_or_hangs_only_costs_time() -> None:
    for spoil in ("raise", "hang"):
        call = Call([Say(1.0), Silence(5.0)], texts=["one"], replies=["First."])
        if spoil == "raise":
            call.turn.fail_with = ValueError("no verdict")
        else:
            call.turn.verdict_s = 60
        report = call.run()
        assert report.turns[0].heard_text == "First."
        assert report.turns[0].timeline.hops_ms()["end_of_turn"] >= 1500
        assert report.errors[0].kind == "turn"


def test_without_a_voice_activity_detector_there_is_no_call() -> None:
    call = two_questions()
    call.vad.fail_with = RuntimeError("broken graph")
    with pytest.raises(EngineError, match="broken graph") as caught:
        call.run()
    assert caught.value.kind == "vad"
    assert call.connection.closes == 1
    assert isinstance(call.observed[-1], CallEnded)
    assert call.observed[-1].reason == "failed"


def test_a_microphone_that_breaks_ends_the_call() -> None:
    call = two_questions()
    call.connection.fail_receive = OSError("device gone")
    with pytest.raises(EngineError, match="device gone") as caught:
        call.run()
    assert caught.value.kind == "transport"
    assert call.llm.closes == 1


def test_a_transport_that_cannot_send_fails_the_turn() -> None:
    call = two_questions()
    call.connection.fail_send = OSError("pipe closed")
    report = call.run()
    assert {t.reason for t in report.turns} == {"failed"}
    assert {error.kind for error in report.errors} == {"transport"}


def test_warm_up_that_hangs_names_the_plugin_and_releases_all() -> None:
    call = two_questions(deadlines={"warmup_s": 2})
    call.tts.warmup_s = 3600
    with pytest.raises(EngineTimeout, match="not ready after 2 s") as caught:
        call.run()
    assert (caught.value.kind, caught.value.distribution) == ("tts", "voicebot-testing")
    assert {engine.closes for engine in (call.vad, call.stt, call.turn, call.llm, call.tts)} == {1}
    assert call.connection.closes == 1


def test_observers_and_pages_that_raise_do_not_reach_the_call(caplog: pytest.LogCaptureFixture) -> None:
    call = two_questions()

    def broken(event: Event) -> None:
        raise RuntimeError("observer")

    call.observed = type("Broken", (list,), {"append": staticmethod(broken)})()
    call.connection.notify = broken  # type: ignore[method-assign]
    report = call.run()
    assert [t.heard_text for t in report.turns] == ["First.", "Second."]
    assert "an observer failed" in caplog.text


def test_a_cancelled_call_is_released_whole() -> None:
    call = two_questions()

    async def main() -> None:
        task = asyncio.create_task(call.arun())
        await asyncio.sleep(1.9)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    from voicebot.testing import run_virtual

    run_virtual(main())
    assert call.connection.closes == 1
    assert call.llm.running == 0
    assert {engine.closes for engine in (call.vad, call.stt, call.turn, call.llm, call.tts)} == {1}


def test_an_engine_that_will_not_close_does_not_keep_the_others_open() -> None:
    call = two_questions()

    async def refuse() -> None:
        raise RuntimeError("will not close")

    call.vad.aclose = refuse  # type: ignore[method-assign]
    report = call.run()
    assert [error.message for error in report.errors] == ["RuntimeError: will not close"]
    assert report.as_dict()["errors"][0]["kind"] == "vad"
    assert len(report.turns) == 2
    assert call.tts.closes == 1
