"""What happens in a call, one dataclass per fact that a user, a page or a log can see.

Times (`at_s`) are seconds on the process's one monotonic clock; the first turn of a call has id 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = [
    "AgentClause",
    "AgentTurnEnded",
    "AgentTurnStarted",
    "CallEnded",
    "CallStarted",
    "CallState",
    "Event",
    "FallbackAction",
    "FallbackEvent",
    "FallbackStage",
    "InterruptionJudged",
    "KeepingFailed",
    "Limit",
    "LimitReached",
    "PauseJudged",
    "ProviderFailed",
    "QueueOverflowed",
    "SpeculationDiscarded",
    "StateChanged",
    "ToolCalled",
    "TurnHeard",
    "TurnMeasured",
    "UserSpeechStarted",
    "UserSpeechStopped",
    "UserTranscript",
    "as_message",
    "from_message",
]

CallState = Literal["warming_up", "listening", "user_speaking", "thinking", "agent_speaking", "ended"]
Limit = Literal["max_call_s", "idle_s", "drain_s", "operator"]
FallbackStage = Literal["warmup", "first_result", "midway"]
FallbackAction = Literal["retried", "next", "gave_up"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened."""

    at_s: float


@dataclass(frozen=True, slots=True)
class CallStarted(Event):
    """The call is up: its engines are warm, and the microphone is open."""

    call_id: str


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """What the call is doing now."""

    state: CallState


@dataclass(frozen=True, slots=True)
class UserSpeechStarted(Event):
    """The user is heard to speak."""


@dataclass(frozen=True, slots=True)
class UserSpeechStopped(Event):
    """The user has fallen silent."""


@dataclass(frozen=True, slots=True)
class UserTranscript(Event):
    """The user's words so far; `final` when they stay as they are."""

    turn_id: int
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class PauseJudged(Event):
    """A pause of the user is over: their turn ended with it, or they went on."""

    turn_id: int
    speech_end_s: float
    """Where their last speech before it ended, on the process's clock."""
    ended: bool
    """Whether it was taken for the end of their turn."""
    silence_ms: float
    """How long it lasted until the turn ended, or they went on."""
    delay_ms: float
    """The silence that was waited for in the end."""
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    """What the end-of-turn model said: `at_ms` of silence, `delay_ms`, `probability`."""
    text: str = ""
    """The transcript at the pause, where it had come."""
    text_ms: float | None = None
    """How long the silence had lasted when it came."""
    ending: str = "unknown"
    """What its last words say: `complete`, `open` (more will follow), `unknown`."""


@dataclass(frozen=True, slots=True)
class InterruptionJudged(Event):
    """The user was heard while the agent had the floor, and it is decided what that was."""

    turn_id: int
    """The exchange whose answer it was."""
    interrupted: bool
    why: str
    """`words`, `length`; or what it was instead: `backchannel`, `no_words`, `short`, `echo`."""
    speech_ms: float
    text: str
    held_ms: float
    """How long the agent had been held by then."""


@dataclass(frozen=True, slots=True)
class SpeculationDiscarded(Event):
    """An answer that was prepared in vain, and its cost."""

    turn_id: int
    text: str
    """What the user was thought to have said."""
    tokens: int
    """Deltas of the language model's answer."""
    audio_ms: float
    ran_ms: float
    cpu_ms: float
    """CPU time of the whole process meanwhile: an upper bound of its cost here."""


@dataclass(frozen=True, slots=True)
class AgentTurnStarted(Event):
    """The agent answers: its turn is committed, and its audio may be sent."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class AgentClause(Event):
    """A clause begins to play."""

    turn_id: int
    text: str


@dataclass(frozen=True, slots=True)
class AgentTurnEnded(Event):
    """The agent has finished, or was interrupted."""

    turn_id: int
    text: str
    """What the agent meant to say, as far as it had been generated."""
    heard_text: str
    """What the listener heard of it."""
    reason: Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class TurnHeard(Event):
    """What the listener's side measured: the user's last speech sample -> the agent's first audible sample."""

    turn_id: int
    voice_to_voice_ms: float


@dataclass(frozen=True, slots=True)
class TurnMeasured(Event):
    """The turn's timeline and budget verdict, in the form of the report."""

    turn_id: int
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueOverflowed(Event):
    """A bounded queue dropped items; sent once per burst."""

    queue: str
    dropped: int


@dataclass(frozen=True, slots=True)
class ProviderFailed(Event):
    """An engine failed, and no other stood in for it."""

    kind: str
    plugin: str
    distribution: str
    message: str
    turn_id: int | None = None


@dataclass(frozen=True, slots=True)
class FallbackEvent(Event):
    """An engine of a fallback chain was asked in vain: an attempt failed, and this is what was done about it."""

    kind: str
    plugin: str
    """Whose attempt it was."""
    distribution: str
    code: str
    """The error's, such as `engine_timeout`."""
    message: str
    stage: FallbackStage
    """Before it was ready; before a result of it had been handed on; after that, so that nothing can be begun anew."""
    action: FallbackAction
    """`retried`: the same is asked again. `next`: another is, for this or (midway) for what comes after it.
    `gave_up`: the request failed."""
    next_plugin: str
    """Who is asked now; "" where it was given up."""
    after_ms: float
    """From the attempt's beginning to its failure."""
    wait_ms: float = 0.0
    """Until the same is asked again."""
    turn_id: int | None = None
    """The exchange that it concerns, where whoever passes this on knows."""


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """The language model called a tool, and that is over."""

    turn_id: int
    tool: str
    ms: float
    problem: str
    """Why it has no result; "" where it has one."""


@dataclass(frozen=True, slots=True)
class KeepingFailed(Event):
    """Something of the call could not be kept, and the call goes on; why is in the process's log."""

    what: Literal["log", "recording"]


@dataclass(frozen=True, slots=True)
class LimitReached(Event):
    """A limit ends the call; its last words follow. `drain_s`: the server stops; `operator`: a
    person ended it."""

    limit: Limit


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """The call is over."""

    reason: Literal["hung_up", "failed"]


def as_message(event: Event) -> dict[str, Any]:
    """An event in the form in which it leaves the process: its name in snake case, and its fields.

    `UserTranscript(1.5, 3, "hello", False)` is `{"name": "user_transcript", "at_s": 1.5, "turn_id": 3, …}`.
    """
    return {"name": _name(type(event)), **asdict(event)}


def from_message(message: Mapping[str, Any]) -> Event:
    """The event that `as_message` made a message of.

    Raises:
        ValueError: there is no event of that name, or its fields are others. Their types are not checked.
    """
    values = dict(message)
    name = values.pop("name", None)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"there is no event {name!r}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"not the fields of {name}: {error}") from error


def _name(kind: type[Event]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


# Not by __subclasses__(): there, `slots=True` leaves each class twice.
_KINDS: dict[str, type[Event]] = {
    _name(kind): kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Event)
}
