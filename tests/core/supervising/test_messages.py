"""What a call worker says to the supervisor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.events import UserTranscript
from voicebot.supervising.messages import CallEvent, Warm, line_of, parse_line


def test_messages_survive_the_way() -> None:
    event = CallEvent("ab12", UserTranscript(1.5, 2, "two\nlines, ünd mehr", True))
    for message in (Warm(), event):
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
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_line(line)
