"""Events in the form in which they leave the process."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot import events
from voicebot.events import Event, TurnHeard, TurnMeasured, UserTranscript, as_message, from_message

KINDS = [
    kind
    for name in events.__all__
    if isinstance(kind := getattr(events, name), type) and issubclass(kind, Event) and kind is not Event
]


def test_a_message_is_the_name_and_the_fields() -> None:
    assert as_message(UserTranscript(1.5, 3, "hello", False)) == {
        "name": "user_transcript",
        "at_s": 1.5,
        "turn_id": 3,
        "text": "hello",
        "final": False,
    }
    assert as_message(TurnHeard(2.0, 1, 812.4))["name"] == "turn_heard"


@given(st.sampled_from(KINDS).flatmap(st.builds))
def test_every_event_survives_the_way(event: Event) -> None:
    back = from_message(json.loads(json.dumps(as_message(event))))
    assert type(back) is type(event)
    assert back == event or isinstance(event, TurnMeasured) or "nan" in repr(event)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"name": "nothing"},
        {"name": ["call_ended"]},
        {"name": "call_ended"},
        {"name": "call_ended", "at_s": 1.0, "reason": "hung_up", "why": "?"},
    ],
)
def test_what_is_no_event_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        from_message(message)
