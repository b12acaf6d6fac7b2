"""The frames of the link (sfu/PROTOCOL.md): bytes to frames and back, without I/O."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from voicebot.link.errors import LinkError

__all__ = [
    "MAX_FRAME_BYTES",
    "ControlFrame",
    "Frame",
    "FrameDecoder",
    "RtpFrame",
    "encode_control",
    "encode_rtp",
]

MAX_FRAME_BYTES = 65_536
"""The largest value of a frame's length: its kind and its payload."""

_HEADER = struct.Struct("!IB")
_LENGTH_BYTES = 4
_CONTROL, _RTP = 1, 2


@dataclass(frozen=True, slots=True)
class ControlFrame:
    message: dict[str, Any]
    """A JSON object with a `type` that is text; nothing else of it was checked."""


@dataclass(frozen=True, slots=True)
class RtpFrame:
    payload: bytes
    """Meant to be one RTP packet; not checked."""


Frame: TypeAlias = ControlFrame | RtpFrame


class FrameDecoder:
    """Cuts a stream of bytes into frames; holds one incomplete frame at most."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._error: LinkError | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, in order.

        Raises:
            LinkError: `bad_message`: what came is no frame. Nothing after it can be read: every later call raises.
        """
        if self._error is not None:
            raise LinkError(self._error.code, self._error.message)
        self._buffer += data
        try:
            return self._cut()
        except LinkError as error:
            self._error = error
            self._buffer.clear()
            raise

    def _cut(self) -> list[Frame]:
        frames: list[Frame] = []
        start = 0
        while len(self._buffer) - start >= _LENGTH_BYTES:
            length = int.from_bytes(self._buffer[start : start + _LENGTH_BYTES], "big")
            if not 1 <= length <= MAX_FRAME_BYTES:
                raise LinkError(
                    "bad_message", f"A frame of {length} bytes: it must be 1 to {MAX_FRAME_BYTES}."
                )
            end = start + _LENGTH_BYTES + length
            if len(self._buffer) > start + _LENGTH_BYTES:
                _check_kind(self._buffer[start + _LENGTH_BYTES])
            if len(self._buffer) < end:
                break
            payload = bytes(self._buffer[start + _HEADER.size : end])
            is_control = self._buffer[start + _LENGTH_BYTES] == _CONTROL
            frames.append(ControlFrame(_message(payload)) if is_control else RtpFrame(payload))
            start = end
        del self._buffer[:start]
        return frames


def _check_kind(kind: int) -> None:
    if kind not in (_CONTROL, _RTP):
        raise LinkError("bad_message", f"A frame of kind {kind}: only {_CONTROL} and {_RTP} are known.")


def _message(payload: bytes) -> dict[str, Any]:
    try:
        message = json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise LinkError("bad_message", f"A control frame is not JSON: {error}.") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise LinkError("bad_message", "A control frame is not a JSON object with a `type`.")
    return message


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def encode_control(message: Mapping[str, Any]) -> bytes:
    """A control frame.

    Raises:
        LinkError: `bad_message`: it has no JSON form, or is too long.
    """
    try:
        payload = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise LinkError("bad_message", f"A message has no JSON form: {error}.") from None
    return _encode(_CONTROL, payload)


def encode_rtp(packet: bytes) -> bytes:
    """A frame with one RTP packet.

    Raises:
        LinkError: `bad_message`: it is too long.
    """
    return _encode(_RTP, packet)


def _encode(kind: int, payload: bytes) -> bytes:
    length = len(payload) + 1
    if length > MAX_FRAME_BYTES:
        raise LinkError("bad_message", f"A frame of {length} bytes: it must be 1 to {MAX_FRAME_BYTES}.")
    return _HEADER.pack(length, kind) + payload
