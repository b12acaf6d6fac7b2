"""What a page may say (sfu/PROTOCOL.md, "Signalling"): text from outside to checked values."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

__all__ = ["VERSION", "BadSignal", "Heard", "Join", "Leave", "OfferData", "Request", "Signal", "parse"]

VERSION = 1
MAX_BYTES = 65_536
_SAFE_INTEGER = 2**53 - 1


class BadSignal(ValueError):
    """A message that is not of the protocol; the text says why, in printable characters."""


class _Signal(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Join(_Signal):
    type: Literal["join"] = "join"
    version: int
    resume: str | None = Field(default=None, min_length=1, max_length=200)
    access_token: str | None = Field(default=None, max_length=4_096, repr=False)


class OfferData(_Signal):
    sdp: str = Field(min_length=1)


class Request(_Signal):
    type: Literal["request"] = "request"
    id: int = Field(ge=0, le=_SAFE_INTEGER)
    method: Literal["offer"]
    data: OfferData


class Heard(_Signal):
    type: Literal["heard"] = "heard"
    turn_id: int = Field(ge=0, le=_SAFE_INTEGER)
    voice_to_voice_ms: float


class Leave(_Signal):
    type: Literal["leave"] = "leave"


Signal: TypeAlias = Join | Request | Heard | Leave

_SIGNAL: TypeAdapter[Signal] = TypeAdapter(Annotated[Signal, Field(discriminator="type")])


def parse(text: str) -> Signal:
    """One message of a page.

    A `join` of another version is returned as it is, whatever else it holds: only that version knows its keys.

    Raises:
        BadSignal: it is no JSON object, its type is unknown, a key is wrong, unknown or missing.
    """
    try:
        message = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadSignal(_printable(f"not JSON: {error}")) from None
    if not isinstance(message, dict):
        raise BadSignal("not a JSON object")
    if (version := _other_version(message)) is not None:
        return Join(version=version)
    try:
        return _SIGNAL.validate_python(message)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadSignal(_printable(f"{place}: {first['msg']}" if place else first["msg"])) from None


def _other_version(message: dict[str, Any]) -> int | None:
    version = message.get("version")
    is_join = message.get("type") == "join"
    return version if is_join and type(version) is int and version != VERSION else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()[:300]
