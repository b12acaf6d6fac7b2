"""A call that lasts too long, or in which nobody speaks any more, ends with a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.core.session.call import Call

from voicebot.errors import EngineError
from voicebot.events import AgentClause, AgentTurnEnded, CallEnded, LimitReached, UserTranscript
from voicebot.testing import Say, Silence

QUESTION: list[Say | Silence] = [Say(1.0), Silence(4.0)]
TEXTS = {
    "wrap_up": "Soon we stop.",
    "time_is_up": "Time is up.",
    "still_there": "Are you there?",
    "goodbye": "I hang up.",
}


def call(script: Sequence[Say | Silence], **access: Any) -> Call:
    settings = {"max_call_s": None, "idle_s": None, "texts": TEXTS} | access
    return Call(
        script, texts=["one", "two", "three"], replies=["First.", "Second.", "Third."], access=settings
    )


def said(held: Call) -> list[str]:
    return [event.text for event in held.observed if isinstance(event, AgentClause)]


def lasted_s(held: Call) -> float:
    assert held.session is not None
    report = held.session.report
    assert report.started_s is not None
    assert report.ended_s is not None
    return report.ended_s - report.started_s


def test_the_longest_call_is_announced_said_and_over() -> None:
    held = call([*QUESTION, Silence(120)], max_call_s=60, wrap_up_s=20)
    report = held.run()
    assert said(held) == ["First.", "Soon we stop.", "Time is up."]
    assert [event.limit for event in held.observed if isinstance(event, LimitReached)] == ["max_call_s"]
    assert [event.reason for event in held.observed if isinstance(event, CallEnded)] == ["hung_up"]
    assert held.observed.index(next(e for e in held.observed if isinstance(e, LimitReached))) > 0
    assert 60 < lasted_s(held) < 60 + 3
    last = [event for event in held.observed if isinstance(event, AgentTurnEnded)][-1]
    assert (last.heard_text, last.reason) == ("Time is up.", "finished"), "it was heard whole"
    assert not report.errors


def test_a_token_may_allow_less() -> None:
    held = call([*QUESTION, Silence(120)], max_call_s=60)
    held.max_call_s = 20
    held.run()
    assert said(held) == ["First.", "Time is up."]
    assert 20 < lasted_s(held) < 23


def test_the_end_comes_even_while_the_user_speaks_and_nobody_listens_any_more() -> None:
    held = call([Say(30.0), *QUESTION, *QUESTION], max_call_s=10)
    held.run()
    assert said(held) == ["Time is up."]
    assert not [event for event in held.observed if isinstance(event, UserTranscript) and event.final]
    assert lasted_s(held) < 13


def test_the_last_words_are_not_interrupted() -> None:
    # The user speaks from before the end until long after it.
    held = call([Silence(9.0), Say(30.0)], max_call_s=10)
    held.run()
    last = [event for event in held.observed if isinstance(event, AgentTurnEnded)][-1]
    assert (last.heard_text, last.reason) == ("Time is up.", "finished")


def test_an_answer_that_is_being_given_is_cut_by_the_end() -> None:
    held = call([Say(1.0), Silence(60)], max_call_s=8)
    held.llm.replies = ["A very long answer, which goes on and on. " * 20]
    held.run()
    ends = [event for event in held.observed if isinstance(event, AgentTurnEnded)]
    assert [end.reason for end in ends] == ["interrupted", "finished"]
    assert said(held)[-1] == "Time is up."
    assert lasted_s(held) < 11


def test_silence_is_asked_about_and_then_ends_the_call() -> None:
    held = call([*QUESTION, Silence(200)], idle_s=30)
    held.run()
    assert said(held) == ["First.", "Are you there?", "I hang up."]
    assert [event.limit for event in held.observed if isinstance(event, LimitReached)] == ["idle_s"]
    assert 40 < lasted_s(held) < 52


def test_whoever_answers_goes_on() -> None:
    held = call([Silence(33.0), *QUESTION, Silence(10), *QUESTION, Silence(1)], idle_s=30)
    held.run()
    assert said(held) == ["Are you there?", "First.", "Second."]


@pytest.mark.parametrize("broken", [False, True])
def test_without_words_or_a_voice_the_call_ends_all_the_same(broken: bool) -> None:
    texts = {} if broken else dict.fromkeys(TEXTS, "")
    held = call([Silence(200)], max_call_s=20, texts=TEXTS | texts)
    if broken:
        held.tts.fail_with = EngineError("no voice")
    held.run()
    assert said(held) == []
    assert 20 <= lasted_s(held) < 33


def test_without_limits_a_call_lasts_as_long_as_it_lasts() -> None:
    held = call([*QUESTION, Silence(4_000)])
    held.run()
    assert said(held) == ["First."]
    assert lasted_s(held) > 4_000
