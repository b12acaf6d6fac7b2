"""Frames survive any cutting of the bytes; anything else is a LinkError."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.link.errors import LinkError
from voicebot.link.frames import (
    MAX_FRAME_BYTES,
    ControlFrame,
    Frame,
    FrameDecoder,
    RtpFrame,
    encode_control,
    encode_rtp,
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
controls = st.builds(
    lambda kind, rest: ControlFrame({**rest, "type": kind}),
    st.text(),
    st.dictionaries(st.text(), json_values, max_size=4),
)
frames: st.SearchStrategy[list[Frame]] = st.lists(
    controls | st.builds(RtpFrame, st.binary(max_size=200)), max_size=8
)


def encoded(frame: Frame) -> bytes:
    return encode_rtp(frame.payload) if isinstance(frame, RtpFrame) else encode_control(frame.message)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    return [*pieces, data[start:]]


@given(frames, st.lists(st.integers(0, 40), max_size=60))
def test_any_chunking(sent: list[Frame], sizes: list[int]) -> None:
    decoder = FrameDecoder()
    received: list[Frame] = []
    for piece in cut(b"".join(map(encoded, sent)), sizes):
        received += decoder.feed(piece)
    assert received == sent


@given(frames, st.lists(st.binary(max_size=30), max_size=20))
def test_garbage_is_a_link_error_or_waits(sent: list[Frame], garbage: list[bytes]) -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b"".join(map(encoded, sent))) == sent
    broken = False
    for piece in garbage:
        try:
            decoder.feed(piece)
        except LinkError:
            broken = True
        else:
            assert not broken


@given(st.binary(max_size=300))
def test_any_control_payload(payload: bytes) -> None:
    try:
        (frame,) = FrameDecoder().feed(struct.pack("!IB", len(payload) + 1, 1) + payload)
    except LinkError:
        pass
    else:
        assert isinstance(frame, ControlFrame)
        assert isinstance(frame.message["type"], str)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (struct.pack("!I", 0), "0 bytes"),
        (struct.pack("!I", MAX_FRAME_BYTES + 1), "65537 bytes"),
        (b"\xff\xff\xff\xff", "4294967295 bytes"),
        (struct.pack("!IB", 10, 3), "kind 3"),
        (struct.pack("!IB", 10, 0), "kind 0"),
        (struct.pack("!IB", 3, 1) + b"[]", "not a JSON object"),
        (struct.pack("!IB", 3, 1) + b"{}", "`type`"),
        (struct.pack("!IB", 11, 1) + b'{"type":1}', "`type`"),
        (struct.pack("!IB", 3, 1) + b"\xff\xfe", "not JSON"),
        (struct.pack("!IB", 1, 1), "not JSON"),
        (struct.pack("!IB", 21, 1) + b'{"type":"x","a":NaN}', "NaN"),
        (struct.pack("!IB", 60_001, 1) + b"[" * 60_000, "not JSON"),
        (struct.pack("!IB", 6_001, 1) + b"9" * 6_000, "not JSON"),
    ],
)
def test_what_is_no_frame_is_told_at_once_and_for_ever(data: bytes, complaint: str) -> None:
    decoder = FrameDecoder()
    with pytest.raises(LinkError, match=complaint):
        decoder.feed(data)
    with pytest.raises(LinkError, match=complaint):
        decoder.feed(encode_rtp(b"good"))


def test_the_largest_frame() -> None:
    payload = bytes(MAX_FRAME_BYTES - 1)
    assert FrameDecoder().feed(encode_rtp(payload)) == [RtpFrame(payload)]
    with pytest.raises(LinkError, match="65537"):
        encode_rtp(payload + b"x")
    with pytest.raises(LinkError, match="bytes"):
        encode_control({"type": "event", "text": "x" * MAX_FRAME_BYTES})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"bytes"])
def test_what_has_no_json_form(value: object) -> None:
    with pytest.raises(LinkError, match="JSON"):
        encode_control({"type": "x", "value": value})


def test_what_refers_to_itself_has_no_json_form() -> None:
    message: dict[str, Any] = {"type": "x"}
    message["self"] = message
    with pytest.raises(LinkError, match="JSON"):
        encode_control(message)
