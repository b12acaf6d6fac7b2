"""The control messages of the link (sfu/PROTOCOL.md), one model each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from voicebot.link.errors import LinkError

__all__ = [
    "LINK_VERSION",
    "Bye",
    "Call",
    "CallMedia",
    "End",
    "EndReason",
    "Error",
    "FrontMessage",
    "Heard",
    "Hello",
    "IceServer",
    "Idle",
    "MediaState",
    "MediasoupMedia",
    "Message",
    "Notify",
    "Request",
    "Response",
    "TransportName",
    "WebrtcMedia",
    "Welcome",
    "WorkerEnd",
    "WorkerEndReason",
    "WorkerMessage",
    "from_front",
    "from_worker",
]

LINK_VERSION = 1

TransportName: TypeAlias = Literal["mediasoup", "webrtc"]
ErrorCode: TypeAlias = Literal["wrong_version", "wrong_transport", "bad_message", "busy"]
EndReason: TypeAlias = Literal["hung_up", "timeout", "media_lost", "shutdown", "failed"]
"""Why a front ends a call; `failed` only answers a worker's."""
WorkerEndReason: TypeAlias = Literal["hung_up", "failed"]


_Url = Annotated[str, StringConstraints(pattern=r"^(stun|turn)s?:\S+$")]


class Message(BaseModel):
    """What all messages share: wrong types and unknown keys are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def as_dict(self) -> dict[str, Any]:
        """For `encode_control`."""
        return self.model_dump(exclude_none=True)


class Error(Message):
    """Either side, before it closes the connection."""

    type: Literal["error"] = "error"
    code: ErrorCode
    message: str


# --- worker to front ------------------------------------------------------------------------------------------------


class Hello(Message):
    type: Literal["hello"] = "hello"
    version: int = LINK_VERSION
    transport: TransportName
    pid: int = Field(gt=0)


class Idle(Message):
    """A call can be held at once."""

    type: Literal["idle"] = "idle"


class Response(Message):
    """Answers a `Request` of the same id: `data` where it is ok, `code` and `message` where it is not."""

    type: Literal["response"] = "response"
    id: int = Field(ge=0)
    ok: bool
    data: dict[str, Any] | None = None
    code: str | None = None
    message: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        refused = (self.code is not None, self.message is not None)
        if self.ok != (self.data is not None) or refused != (not self.ok, not self.ok):
            raise ValueError("an ok response has data, another one code and message")
        return self


class Notify(Message):
    """An event of the call, passed on to the page: `voicebot.events.as_message`."""

    type: Literal["event"] = "event"
    event: dict[str, Any]


class MediaState(Message):
    """The media path to the page is up: told by whoever made it, the front (mediasoup) or the worker (webrtc)."""

    type: Literal["media"] = "media"
    state: Literal["connected"] = "connected"


class WorkerEnd(Message):
    type: Literal["end"] = "end"
    reason: WorkerEndReason
    message: str = ""


class Bye(Message):
    """No more calls."""

    type: Literal["bye"] = "bye"


# --- front to worker ------------------------------------------------------------------------------------------------


class Welcome(Message):
    type: Literal["welcome"] = "welcome"
    version: int


class MediasoupMedia(Message):
    """What the agent's RTP must carry."""

    payload_type: int = Field(ge=0, le=127)
    clock_rate: int = Field(gt=0)
    channels: int = Field(ge=1, le=2)
    ssrc: int = Field(ge=0, le=2**32 - 1)


class IceServer(Message):
    """An RTCIceServer of the browser's API."""

    urls: _Url | list[_Url] = Field(description="One or more of `stun:host:port` and `turn:host:port`.")
    username: str | None = Field(default=None, description="For TURN.")
    credential: str | None = Field(default=None, description="For TURN; every page gets to see it.")


class WebrtcMedia(Message):
    ice_servers: list[IceServer]


def _transport_of(media: object) -> TransportName:
    names = media if isinstance(media, Mapping) else vars(media) if isinstance(media, Message) else ()
    return "webrtc" if "ice_servers" in names else "mediasoup"


CallMedia: TypeAlias = Annotated[
    Annotated[MediasoupMedia, Tag("mediasoup")] | Annotated[WebrtcMedia, Tag("webrtc")],
    Discriminator(_transport_of),
]


class Call(Message):
    """A call for this worker."""

    type: Literal["call"] = "call"
    call_id: str = Field(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")
    media: CallMedia
    max_call_s: float | None = Field(default=None, gt=0)
    """The longest that it may be, where its token says less than the profile."""


class Request(Message):
    """The page's request (transport webrtc)."""

    type: Literal["request"] = "request"
    id: int = Field(ge=0)
    method: str
    data: dict[str, Any]


class Heard(Message):
    """What the page measured in one turn."""

    type: Literal["heard"] = "heard"
    turn_id: int = Field(ge=0)
    voice_to_voice_ms: float


class End(Message):
    type: Literal["end"] = "end"
    reason: EndReason
    message: str = ""


FrontMessage: TypeAlias = Welcome | Call | Request | Heard | MediaState | End | Error
WorkerMessage: TypeAlias = Hello | Idle | Response | Notify | MediaState | WorkerEnd | Bye | Error

M = TypeVar("M")

_FRONT: TypeAdapter[FrontMessage] = TypeAdapter(Annotated[FrontMessage, Field(discriminator="type")])
_WORKER: TypeAdapter[WorkerMessage] = TypeAdapter(Annotated[WorkerMessage, Field(discriminator="type")])


def from_front(message: Mapping[str, Any]) -> FrontMessage:
    """A message of the front, checked.

    Raises:
        LinkError: `bad_message`: an unknown type, a wrong or an unknown key.
    """
    return _checked(_FRONT, message)


def from_worker(message: Mapping[str, Any]) -> WorkerMessage:
    """A message of a call worker, checked.

    Raises:
        LinkError: `bad_message`: an unknown type, a wrong or an unknown key.
    """
    return _checked(_WORKER, message)


def _checked(adapter: TypeAdapter[M], message: Mapping[str, Any]) -> M:
    try:
        return adapter.validate_python(message)
    except ValidationError as error:
        raise _bad(error) from None


def _bad(error: ValidationError) -> LinkError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return LinkError("bad_message", f"{place}: {what}" if place else what)
