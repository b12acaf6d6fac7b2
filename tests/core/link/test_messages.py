"""Every message of the protocol, as sfu/PROTOCOL.md has it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.link.test_frames import json_values

from voicebot.link.errors import LinkError
from voicebot.link.frames import ControlFrame, FrameDecoder, encode_control
from voicebot.link.messages import from_front, from_worker

CALL_MEDIASOUP = {
    "type": "call",
    "call_id": "a",
    "media": {"payload_type": 100, "clock_rate": 48_000, "channels": 2, "ssrc": 1234},
}
CALL_WEBRTC = {
    "type": "call",
    "call_id": "a",
    "media": {"ice_servers": [{"urls": ["stun:stun.example.org"]}]},
}
FRONT: list[dict[str, Any]] = [
    {"type": "welcome", "version": 1},
    {"type": "error", "code": "busy", "message": "full"},
    CALL_MEDIASOUP,
    CALL_WEBRTC,
    {"type": "request", "id": 1, "method": "offer", "data": {"sdp": "v=0", "none": None}},
    {"type": "heard", "turn_id": 3, "voice_to_voice_ms": 812.4},
    {"type": "end", "reason": "hung_up", "message": ""},
    {"type": "end", "reason": "failed", "message": "as you said"},
    {"type": "end", "reason": "shutdown", "message": "bye"},
]
WORKER: list[dict[str, Any]] = [
    {"type": "hello", "version": 1, "transport": "mediasoup", "pid": 4711},
    {"type": "hello", "version": 2, "transport": "webrtc", "pid": 1},
    {"type": "error", "code": "bad_message", "message": "what?"},
    {"type": "idle"},
    {"type": "response", "id": 1, "ok": True, "data": {"sdp": "v=0"}},
    {"type": "response", "id": 1, "ok": False, "code": "no_codec", "message": "no Opus"},
    {"type": "event", "event": {"name": "state_changed", "at_s": 1.5, "state": "listening", "none": None}},
    {"type": "media", "state": "connected"},
    {"type": "end", "reason": "failed", "message": "the tts plugin"},
    {"type": "bye"},
]
BOTH = [(from_front, message) for message in FRONT] + [(from_worker, message) for message in WORKER]


@pytest.mark.parametrize(("parse", "message"), BOTH)
def test_as_written_and_back(parse: Any, message: dict[str, Any]) -> None:
    assert parse(message).as_dict() == message
    (frame,) = FrameDecoder().feed(encode_control(parse(message).as_dict()))
    assert frame == ControlFrame(message)


@pytest.mark.parametrize(("parse", "message"), BOTH)
def test_another_key_is_refused(parse: Any, message: dict[str, Any]) -> None:
    with pytest.raises(LinkError, match="surprise") as refused:
        parse({**message, "surprise": 1})
    assert refused.value.code == "bad_message"


@pytest.mark.parametrize(("parse", "message"), BOTH)
def test_a_missing_key_is_named(parse: Any, message: dict[str, Any]) -> None:
    for key in message.keys() - {"type", "message", "version", "state"}:
        if message["type"] != "response":
            with pytest.raises(LinkError, match=key):
                parse({name: value for name, value in message.items() if name != key})


@pytest.mark.parametrize(
    ("parse", "message", "complaint"),
    [
        (from_front, {"type": "hello"}, "'hello'"),
        (from_worker, {"type": "welcome", "version": 1}, "'welcome'"),
        (from_front, {"type": "heard", "turn_id": "3", "voice_to_voice_ms": 1}, "turn_id"),
        (from_front, {"type": "heard", "turn_id": True, "voice_to_voice_ms": 1}, "turn_id"),
        (from_front, {"type": "heard", "turn_id": -1, "voice_to_voice_ms": 1}, "turn_id"),
        (from_front, {"type": "heard", "turn_id": 1, "voice_to_voice_ms": float("inf")}, "voice_to_voice_ms"),
        (from_front, {"type": "end", "reason": "bored", "message": ""}, "reason"),
        (from_worker, {"type": "end", "reason": "shutdown", "message": ""}, "reason"),
        (from_front, {**CALL_MEDIASOUP, "media": {"payload_type": 128}}, "payload_type"),
        (from_front, {**CALL_WEBRTC, "media": {"ice_servers": [{"urls": "http://x"}]}}, "urls"),
        (from_worker, {"type": "response", "id": 1, "ok": True}, "data"),
        (from_worker, {"type": "response", "id": 1, "ok": True, "data": {}, "code": "x"}, "data"),
        (from_worker, {"type": "response", "id": 1, "ok": False, "code": "x"}, "message"),
        (from_front, {}, "type"),
    ],
)
def test_wrong_ones(parse: Any, message: dict[str, Any], complaint: str) -> None:
    with pytest.raises(LinkError, match=complaint):
        parse(message)


names = st.sampled_from([message["type"] for message in FRONT + WORKER])
keys = st.sampled_from(sorted({key for message in FRONT + WORKER for key in message}))


@given(
    names,
    st.dictionaries(keys | st.text(), json_values, max_size=5),
    st.sampled_from([from_front, from_worker]),
)
def test_any_object_is_a_message_or_a_link_error(name: str, rest: dict[str, Any], parse: Any) -> None:
    try:
        message = parse({**rest, "type": name})
    except LinkError:
        pass
    else:
        assert parse(message.as_dict()) == message
