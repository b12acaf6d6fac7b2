"""Chains in a whole call: what the caller hears when an engine fails."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.fallback.support import (
    Chained,
    Ear,
    Fault,
    LLMChain,
    Model,
    STTChain,
    TTSChain,
    Voice,
    lasting,
    passing,
)
from tests.core.session.call import Call

from voicebot.report import CallReport
from voicebot.testing import Say, Silence

QUESTIONS: list[Say | Silence] = [Say(1.0), Silence(8.0), Say(1.0), Silence(5.0)]


def call_with(**chains: Chained) -> Call:
    """A call of two questions whose engines of these kinds are chains."""
    call = Call(QUESTIONS, texts=["one", "two"], replies=["First.", "Second."])
    for kind, chain in chains.items():
        provider: Any = chain.provider  # type: ignore[attr-defined]
        setattr(call, kind, provider)
    return call


def heard(report: CallReport) -> list[tuple[str, str, str]]:
    return [(turn.user_text, turn.heard_text, turn.reason) for turn in report.turns]


@pytest.mark.parametrize("fault", [Fault(), Fault(passing()), Fault(lasting()), Fault(ValueError("bug")), ""])
def test_a_model_that_fails_is_stood_in_for_within_the_turn(
    fault: Fault | str, caplog: pytest.LogCaptureFixture
) -> None:
    chain = LLMChain(Model("a", fault, fault), Model("b"), deadline_s=9)
    report = call_with(llm=chain).run()
    assert heard(report)[0] == ("one", "I am b.", "finished")
    assert heard(report)[1][2] == "finished"
    assert report.errors == []
    assert "plugin 'a'" in caplog.text
    assert chain.idle()


def test_a_voice_that_breaks_off_is_stood_in_for_from_the_next_clause_on() -> None:
    chain = TTSChain(Voice(Fault(lasting(), after=2)), Voice(), deadline_s=9)
    call = call_with(tts=chain)
    call.llm.replies = ["The first sentence is here. The second sentence is here.", "Second."]
    report = call.run()
    assert [turn.reason for turn in report.turns] == ["finished", "finished"]
    assert [voice.spoken for voice in chain.voices] == [
        # The next answer comes after the cool-down.
        ["The first sentence is here.", "Second."],
        ["The second sentence is here."],
    ]
    assert report.errors == []


def test_a_recogniser_that_fails_is_stood_in_for_with_all_that_was_said() -> None:
    chain = STTChain(Ear("a", Fault(lasting())), Ear("b"), deadline_s=9)
    report = call_with(stt=chain).run()
    assert [turn.user_text.split()[0] for turn in report.turns] == ["b", "a"]
    assert [turn.reason for turn in report.turns] == ["finished", "finished"]
    assert report.errors == []
    assert chain.idle()


def test_with_nobody_left_the_turn_fails_and_the_call_goes_on() -> None:
    chain = LLMChain(Model("a", Fault(lasting())), Model("b", Fault(lasting())), deadline_s=9)
    report = call_with(llm=chain).run()
    assert [turn.reason for turn in report.turns] == ["failed", "finished"]
    assert [error.plugin for error in report.errors] == ["b"]
    assert chain.idle()


@pytest.mark.parametrize("error", [passing(), lasting(), None])
def test_a_model_that_breaks_off_before_a_clause_is_whole_is_stood_in_for(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    chain = LLMChain(Model("a", Fault(error, after=2)), Model("b"), deadline_s=9)
    report = call_with(llm=chain).run()
    assert heard(report)[0] == ("one", "I am b.", "finished")
    assert report.errors == []
    assert "asked for anew" in caplog.text
    assert chain.idle()


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([Fault(passing(), after=2)], "I am a."),
        ([Fault(passing(), after=2)] * 2, ""),
        ([Fault(lasting(), after=2)], ""),
        ([Fault(None, after=2)], ""),
    ],
)
def test_alone_it_is_asked_once_more_where_that_may_help(faults: list[Fault], said: str) -> None:
    chain = LLMChain(Model("a", *faults), deadline_s=4)
    report = call_with(llm=chain).run()
    assert report.turns[0].heard_text == said
    assert len(report.errors) == (0 if said else 1)
    assert chain.idle()
