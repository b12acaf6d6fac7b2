"""Lines and events."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot import events
from voicebot.events import Event, PauseJudged, UserTranscript, as_message
from voicebot.keeping.schema import LONGEST_TEXT, AuditLine, CallOpened, cleaned, data_of

KINDS = [
    kind
    for name in events.__all__
    if isinstance(kind := getattr(events, name), type) and issubclass(kind, Event) and kind is not Event
]
WORDS = "what nobody may read"


def example(kind: type[Event]) -> Event:
    """An event with something in every field."""
    hints = get_type_hints(kind)
    return kind(**{field.name: _value(hints[field.name]) for field in fields(kind)})


def _value(hint: Any) -> Any:
    samples = {str: "word", float: 12.5, int: 3, bool: True, dict[str, Any]: {"text": WORDS, "ms": 1.5}}
    if hint in samples:
        return samples[hint]
    if hint == list[dict[str, Any]]:
        return [{"text": WORDS, "at_ms": 5.0}]
    return _value(get_args(hint)[0]) if not isinstance(get_args(hint)[0], str) else get_args(hint)[0]


def line_of(event: Event, **kept: bool) -> AuditLine | None:
    made = data_of(event, opened_s=0.0, **({"audit": True, "transcripts": True} | kept))
    if made is None:
        return None
    name, turn, data = made
    return AuditLine(n=0, call="c", t_s=event.at_s, name=name, turn=turn, data=cleaned(data, ()))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_comes_back_from_its_line(kind: type[Event]) -> None:
    event = example(kind)
    line = line_of(event)
    assert line is not None
    again = AuditLine.model_validate(json.loads(json.dumps(line.model_dump()))).event()
    assert type(again) is kind
    assert again is not None
    assert as_message(again) == as_message(event)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(child)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_without_transcripts_no_words_are_in_a_line(kind: type[Event]) -> None:
    spoken = {"text", "heard_text"}
    event = example(kind)
    values = {name: WORDS if name in spoken else value for name, value in as_message(event).items()}
    line = line_of(events.from_message(values), transcripts=False)
    assert line is not None
    assert WORDS not in strings(line.data)


def test_a_transcript_alone_holds_what_was_said_and_no_more() -> None:
    kept = {kind.__name__ for kind in KINDS if line_of(example(kind), audit=False) is not None}
    assert kept == {"CallStarted", "UserTranscript", "AgentTurnEnded", "CallEnded"}
    assert line_of(UserTranscript(1.0, 1, "hel", final=False), audit=False) is None


def test_times_count_from_the_beginning_of_the_call() -> None:
    event = PauseJudged(1_010.0, 1, 1_009.5, True, 500.0, 400.0)
    made = data_of(event, opened_s=1_000.0, audit=True, transcripts=True)
    assert made is not None
    assert made[2]["speech_end_s"] == 9.5


def test_a_note_is_no_event() -> None:
    line = AuditLine(n=0, call="c", t_s=0.0, name="lines_lost", data={"lost": 2})
    assert line.event() is None
    assert line.note() is not None
    with pytest.raises(ValueError):
        AuditLine(n=0, call="c", t_s=0.0, name="lines_lost", data={}).note()
    with pytest.raises(ValueError):
        AuditLine(n=0, call="c", t_s=0.0, name="of_the_future", data={}).event()


def test_notes_have_names_of_their_own() -> None:
    assert CallOpened.name not in {as_message(example(kind))["name"] for kind in KINDS}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda child: st.lists(child) | st.dictionaries(st.text(), child) | st.tuples(child),
)


@given(anything)
def test_whatever_an_event_holds_becomes_json(value: object) -> None:
    json.dumps(cleaned({"it": value}, ("secret",)), allow_nan=False).encode("utf-8", "backslashreplace")


@given(st.text(), st.text())
def test_no_secret_gets_through(before: str, after: str) -> None:
    secret = "gsk_0123456789"
    text = json.dumps(cleaned({"errors": [f"{before}{secret}{after}"]}, (secret,)))
    assert secret not in text


def test_long_strings_and_numbers_that_json_lacks() -> None:
    assert len(cleaned("a" * (2 * LONGEST_TEXT), ())) == LONGEST_TEXT + 1
    assert cleaned(math.inf, ()) is None
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    json.dumps(cleaned(deep, ()))
