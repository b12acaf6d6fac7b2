"""The calls that are on, from their events."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.core.operating.test_turns import REPORT, anything

from voicebot import events
from voicebot.events import (
    AgentTurnEnded,
    CallStarted,
    Event,
    FallbackEvent,
    InterruptionJudged,
    LimitReached,
    QueueOverflowed,
    StateChanged,
    TurnHeard,
    TurnMeasured,
    UserTranscript,
)
from voicebot.keeping.consent import Consent
from voicebot.operating.calls import LINES, TURNS, CallsOn


def calls(*, transcripts: bool = False, phrases: tuple[str, ...] = ()) -> CallsOn:
    return CallsOn(transcripts=transcripts, consent=lambda: Consent(required=bool(phrases), phrases=phrases))


def told(on: CallsOn, *happened: Event, call_id: str = "ab12") -> dict[str, Any]:
    on.happened(call_id, CallStarted(0.0, call_id), 1_000.0)
    for event in happened:
        on.happened(call_id, event, 1_001.0)
    return next(call for call in on.shown() if call["id"] == call_id)


def said(turn: int, text: str) -> list[Event]:
    return [
        UserTranscript(1.0, turn, text, True),
        AgentTurnEnded(2.0, turn, "Meant", f"Re {text}", "finished"),
    ]


def test_a_call_from_its_events() -> None:
    shown = told(
        calls(),
        StateChanged(1.0, "agent_speaking"),
        TurnMeasured(2.0, 2, REPORT | {"heard_voice_to_voice_ms": None}),
        TurnHeard(3.0, 2, 850.0),
        InterruptionJudged(3.0, 2, True, "words", 500.0, "stop", 100.0),
        InterruptionJudged(3.0, 2, False, "short", 50.0, "", 100.0),
        FallbackEvent(
            4.0, "llm", "groq", "", "engine_timeout", "It is late.", "first_result", "next", "openai", 5.0
        ),
        QueueOverflowed(5.0, "mic", 3),
    )
    assert (shown["state"], shown["began_unix_s"], shown["ending"], shown["answered"]) == (
        "agent_speaking",
        1_000.0,
        False,
        1,
    )
    assert (shown["turns"][0]["ms"], shown["turns"][0]["heard_ms"]) == (700.0, 850.0)
    assert shown["counts"] == {"interruptions": 1, "false_interruptions": 1, "failures": 1}
    assert shown["drops"] == {"mic": 1}
    assert shown["trouble"] == "llm groq: It is late."


def test_it_goes_when_nothing_is_left_of_it() -> None:
    on = calls()
    told(on)
    told(on, LimitReached(1.0, "operator"), call_id="cd34")
    on.keep_only({"cd34"})
    assert [(call["id"], call["ending"]) for call in on.shown()] == [("cd34", True)]
    # What comes late of one that is gone does not bring it back.
    on.happened("ab12", StateChanged(9.0, "ended"), 1_002.0)
    assert len(on.shown()) == 1


def test_words_are_shown_only_where_that_is_wanted() -> None:
    assert told(calls(), *said(1, "Hello"))["lines"] == []
    assert told(calls(transcripts=True), *said(1, "Hello"))["lines"] == [
        {"who": "user", "text": "Hello"},
        {"who": "agent", "text": "Re Hello"},
    ]


def test_and_only_from_the_turn_in_which_the_caller_agrees() -> None:
    on = calls(transcripts=True, phrases=("I agree",))
    assert told(on, *said(1, "My number is 5"))["lines"] == []
    for event in (*said(2, "I agree."), AgentTurnEnded(9.0, 1, "", "late", "finished")):
        on.happened("ab12", event, 1_001.0)
    assert [line["text"] for line in on.shown()[0]["lines"]] == ["I agree.", "Re I agree."]


def test_a_long_call_is_no_more_to_show_than_a_short_one() -> None:
    long = [event for turn in range(500) for event in said(turn, "word " * 1_000)]
    measured = [TurnMeasured(1.0, turn, REPORT) for turn in range(500)]
    drops = [QueueOverflowed(1.0, f"queue {number}" * 10, 1) for number in range(500)]
    shown = told(calls(transcripts=True), *long, *measured, *drops)
    assert (len(shown["lines"]), len(shown["turns"]), shown["answered"]) == (LINES, TURNS, 500)
    assert len(json.dumps(shown)) < 10_000


KINDS = [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)]


@given(
    st.lists(st.sampled_from(KINDS).flatmap(lambda kind: st.builds(kind, *[anything] * len(fields(kind)))))
)
def test_whatever_the_fields_hold_it_can_be_shown(happened: list[Event]) -> None:
    json.dumps(told(calls(transcripts=True, phrases=("yes",)), *happened), allow_nan=False)
