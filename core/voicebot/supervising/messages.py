"""What a call worker and the supervisor tell each other, a line each.

The worker, in JSON:

{"type": "warm"}                                                        calls can be held from here on
{"type": "health", "engines": [{"kind": "llm", "plugin": "groq", …}]}     each as `voicebot.health.EngineHealth`; at
                                                                        first, and whenever it has changed
{"type": "event", "call_id": "…", "event": {"name": "call_started", …}}   as `voicebot.events.as_message` makes it
{"type": "free"}                                                        nothing is left of the call that was on
{"type": "leaving", "why": "…"}                                          it ends; a fresh worker takes its place

The supervisor, in plain words:

no more     take no further call, and end when the one that is on is over
goodbye     the same, and end the one that is on with a word

and, where a person ended a call:

{"type": "hang_up", "call_id": "…", "goodbye": true}   end that call, if it is on, with a word or at once
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pydantic import ConfigDict, TypeAdapter

from voicebot.events import Event, as_message, from_message
from voicebot.health import EngineHealth

__all__ = [
    "GOODBYE",
    "MAX_LINE_BYTES",
    "NO_MORE",
    "CallEvent",
    "Free",
    "HangUp",
    "Health",
    "Leaving",
    "Message",
    "Warm",
    "line_of",
    "order_line",
    "parse_line",
    "parse_order",
]

MAX_LINE_BYTES = 1 << 20
NO_MORE, GOODBYE = b"no more\n", b"goodbye\n"


@dataclass(frozen=True, slots=True)
class Warm:
    pass


@dataclass(frozen=True, slots=True)
class Health:
    engines: Sequence[EngineHealth]
    """By kind, and in the order of the profile: each worker of a profile has the same."""


@dataclass(frozen=True, slots=True)
class CallEvent:
    call_id: str
    event: Event


@dataclass(frozen=True, slots=True)
class Free:
    pass


@dataclass(frozen=True, slots=True)
class Leaving:
    why: str
    """For the error log; "" where it is nothing that anyone has to know."""


@dataclass(frozen=True, slots=True)
class HangUp:
    call_id: str
    goodbye: bool


Message = Warm | Health | CallEvent | Free | Leaving

_health = TypeAdapter(list[EngineHealth], config=ConfigDict(allow_inf_nan=False))


def order_line(order: HangUp) -> bytes:
    """What the supervisor says to the worker that holds the call, the line's end included."""
    return json.dumps({"type": "hang_up", **asdict(order)}).encode() + b"\n"


def parse_order(line: bytes) -> HangUp | None:
    """What it said; None where that is another line."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match data:
        case {"type": "hang_up", "call_id": str(call_id), "goodbye": bool(goodbye)}:
            return HangUp(call_id, goodbye)
    return None


def line_of(message: Message) -> bytes:
    """A message as a line, its end included."""
    if isinstance(message, Warm):
        data: dict[str, object] = {"type": "warm"}
    elif isinstance(message, Health):
        data = {"type": "health", "engines": [asdict(engine) for engine in message.engines]}
    elif isinstance(message, Free):
        data = {"type": "free"}
    elif isinstance(message, Leaving):
        data = {"type": "leaving", "why": message.why}
    else:
        data = {"type": "event", "call_id": message.call_id, "event": as_message(message.event)}
    return json.dumps(data).encode() + b"\n"


def parse_line(line: bytes) -> Message:
    """The message of a line.

    Raises:
        ValueError: it is none.
    """
    try:
        data = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    match data:
        case {"type": "warm"}:
            return Warm()
        case {"type": "health", "engines": list(engines)}:
            return Health(_health.validate_python(engines))
        case {"type": "event", "call_id": str(call_id), "event": dict(event)}:
            return CallEvent(call_id, from_message(event))
        case {"type": "free"}:
            return Free()
        case {"type": "leaving", "why": str(why)}:
            return Leaving(why)
    raise ValueError("no message of a call worker")
