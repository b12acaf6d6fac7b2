"""What a call worker says to the supervisor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.events import UserTranscript
from voicebot.health import EngineHealth
from voicebot.supervising.messages import CallEvent, Health, Warm, line_of, parse_line


def test_messages_survive_the_way() -> None:
    event = CallEvent("ab12", UserTranscript(1.5, 2, "two\nlines, ünd mehr", True))
    health = Health(
        [
            EngineHealth("llm", "groq", "broken", "open", "ünreachable", 1.5),
            EngineHealth("vad", "x", "warming"),
        ]
    )
    for message in (Warm(), event, health):
        line = line_of(message)
        assert line.count(b"\n") == 1
        assert parse_line(line) == message


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_any_bytes_are_a_message_or_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_line(line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "cold"}',
        b'{"type": "event", "call_id": 3, "event": {"name": "call_ended", "at_s": 1, "reason": "hung_up"}}',
        b'{"type": "event", "call_id": "x", "event": {"name": "nothing"}}',
        b'{"type": "event", "call_id": "x", "event": []}',
        b'{"type": "health", "engines": {}}',
        b'{"type": "health", "engines": [{"kind": "ear", "plugin": "x", "state": "ready"}]}',
        b'{"type": "health", "engines": [{"kind": "llm", "plugin": "x"}]}',
        b'{"type": "health", "engines": [{"kind": "llm", "plugin": "x", "state": "ready", "warmup_ms": NaN}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_line(line)
