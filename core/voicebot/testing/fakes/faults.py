"""How a server can misbehave, and what each way does to an answer. Sans-I/O."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

__all__ = ["HUGE_BYTES", "Damaged", "Fault", "FaultKind", "damaged", "needs_answer", "read_fault", "take"]

FaultKind = Literal[
    "status",
    "stall_before",
    "stall_midway",
    "truncate",
    "invalid_json",
    "close_midway",
    "drip",
    "huge",
    "empty",
    "html",
    "wav_lying",
    "wav_empty",
    "reset",
]
"""
- `status`: the answer is `Fault.status` with an error in JSON, and `Retry-After` where `Fault.retry_after` is given.
- `stall_before`: no answer at all, until the client hangs up.
- `stall_midway`: the first third of the body, and no more until the client hangs up.
- `truncate`: the body ends after a third of it, cleanly.
- `invalid_json`: the body, or the middle event of a stream, is no JSON.
- `close_midway`: the connection is closed after a third of the body.
- `drip`: the body comes byte by byte, `Fault.seconds` apart.
- `huge`: 10 MB of the body's kind (JSON, events, WAV or text).
- `empty`: 200 without a body.
- `html`: 200 and a web page.
- `wav_lying`: a WAV whose header claims far more bytes than there are; with `Fault.seconds` below 0, far fewer.
- `wav_empty`: a WAV without samples.
- `reset`: the connection is reset before any byte of an answer.
"""

HUGE_BYTES = 10_000_000

_PAGE = b"<!doctype html>\n<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n"
_NEED_ANSWER = frozenset(
    {"stall_midway", "truncate", "invalid_json", "close_midway", "drip", "huge", "empty", "wav_lying"}
)


@dataclass(slots=True)
class Fault:
    """One way to misbehave, for the next requests to an address."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: FaultKind
    path: str = "/"
    """It concerns the requests whose path begins so."""
    times: int = 1
    """So many of them."""
    seconds: float = 0.0
    status: int = 500
    retry_after: str = ""
    words: str = ""
    """What a `status` says, instead of the usual."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"there is no fault {self.kind!r}")


@dataclass(frozen=True, slots=True)
class Damaged:
    """An answer as a fault leaves it."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """What is sent of it."""
    length: int | None = None
    """What `Content-Length` claims; None for a body in chunks."""
    silent: bool = False
    """Not even the head is sent."""
    gap_s: float | None = None
    """The body is sent byte by byte, so far apart."""
    ending: Literal["whole", "stall", "close", "reset"] = "whole"
    """What comes after the body."""


_FAULT = TypeAdapter(Fault)


def read_fault(body: bytes) -> Fault:
    """A fault as JSON, as in `{"kind": "status", "status": 429, "retry_after": "2"}`.

    Raises:
        ValueError: it is none; the message says why.
    """
    try:
        fault = _FAULT.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None
    if not 200 <= fault.status <= 599:
        raise ValueError("status: must be 200 to 599")
    if not (fault.retry_after.isascii() and fault.retry_after.isprintable()):
        raise ValueError("retry_after: must be what a header may hold")
    return fault


def take(faults: list[Fault], path: str) -> Fault | None:
    """The first fault for this path, or None; once it has been used `times`, it leaves the list."""
    for fault in faults:
        if path.startswith(fault.path):
            fault.times -= 1
            if fault.times <= 0:
                faults.remove(fault)
            return fault
    return None


def needs_answer(fault: Fault) -> bool:
    """Whether it is the server's own answer that is damaged; otherwise it need not be asked for one."""
    return fault.kind in _NEED_ANSWER


def damaged(
    fault: Fault,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    *,
    streamed: bool = False,
) -> Damaged:
    """What a fault makes of an answer.

    Args:
        status, headers, body: of the whole answer, where `needs_answer`.
        streamed: the body would have been sent in chunks.
    """
    third = body[: len(body) // 3]
    kind = _content_type(headers)

    def length_of(sent: bytes) -> int | None:
        return None if streamed else len(sent)

    def whole(sent: bytes) -> Damaged:
        return Damaged(status, headers, sent, length_of(sent))

    match fault.kind:
        case "status":
            return _refusal(fault)
        case "stall_before":
            return Damaged(silent=True, ending="stall")
        case "reset":
            return Damaged(silent=True, ending="reset")
        case "stall_midway":
            return Damaged(status, headers, third, length_of(body), ending="stall")
        case "close_midway":
            return Damaged(status, headers, third, length_of(body), ending="close")
        case "truncate":
            return whole(third)
        case "drip":
            return Damaged(status, headers, body, length_of(body), gap_s=max(fault.seconds, 0.0))
        case "invalid_json":
            return whole(_no_json(body, kind))
        case "huge":
            return whole(_huge(body, kind))
        case "empty":
            return Damaged(200, headers, b"", length_of(b""))
        case "html":
            return _plain(_PAGE, "text/html; charset=utf-8")
        case "wav_empty":
            return _plain(_wav(0), "audio/wav")
        case "wav_lying":
            return _plain(_lying(body, fewer=fault.seconds < 0), "audio/wav")


def _plain(body: bytes, kind: str, status: int = 200) -> Damaged:
    return Damaged(status, (("Content-Type", kind),), body, len(body))


def _refusal(fault: Fault) -> Damaged:
    words, code = {
        400: ("The request was not understood.", "invalid_request"),
        401: ("Invalid API Key", "invalid_api_key"),
        403: ("Forbidden", "permissions_error"),
        404: ("The model does not exist or you do not have access to it.", "model_not_found"),
        413: ("Request entity too large", "request_too_large"),
        429: ("Rate limit reached. Please try again later.", "rate_limit_exceeded"),
        498: ("The flex tier has no capacity at present.", "capacity_exceeded"),
        503: ("The service is overloaded.", "service_unavailable"),
    }.get(fault.status, ("Something went wrong.", "internal_server_error"))
    error = {"error": {"message": fault.words or words, "type": "invalid_request_error", "code": code}}
    if fault.status >= 500:
        error["error"]["type"] = "internal_server_error"
    answer = _plain(json.dumps(error).encode(), "application/json", fault.status)
    if not fault.retry_after:
        return answer
    headers = (*answer.headers, ("Retry-After", fault.retry_after))
    return Damaged(answer.status, headers, answer.body, answer.length)


def _content_type(headers: tuple[tuple[str, str], ...]) -> str:
    found = next((value for name, value in headers if name.lower() == "content-type"), "")
    return found.partition(";")[0].strip().lower()


def _no_json(body: bytes, kind: str) -> bytes:
    if kind != "text/event-stream":
        return body.rstrip()[:-1] + b"," if body.strip() else b"{"
    events = body.split(b"\n\n")
    data = [index for index, event in enumerate(events) if event.rstrip().endswith(b"}")]
    if data:
        middle = data[len(data) // 2]
        events[middle] = events[middle].rstrip()[:-1] + b","
    return b"\n\n".join(events)


def _huge(body: bytes, kind: str) -> bytes:
    padding = b"x" * HUGE_BYTES
    if kind == "text/event-stream":
        return b'data: {"padding": "' + padding + b'"}\n\n' + body
    if kind == "application/json":
        return b'{"padding": "' + padding + b'"}'
    return _wav(HUGE_BYTES // 2) if body[:4] == b"RIFF" else padding


def _wav(samples: int) -> bytes:
    """Silence: mono, 16 bits, 22,050 Hz."""
    size, rate = 2 * samples, 22_050
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate,
                       2, 16, b"data", size)  # fmt: skip
    return head + bytes(size)


def _lying(body: bytes, *, fewer: bool) -> bytes:
    wav = bytearray(body if body[:4] == b"RIFF" else _wav(22_050))
    at = wav.find(b"data", 12)
    if at < 0 or at + 8 > len(wav):
        return bytes(wav)
    held = len(wav) - at - 8
    claimed = held // 10 & ~7 if fewer else min(100 * held + 1_000_000, 0x7FFFFFF0)
    struct.pack_into("<I", wav, at + 4, claimed)
    struct.pack_into("<I", wav, 4, at + claimed)
    return bytes(wav)
