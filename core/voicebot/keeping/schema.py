"""The one form of a line in a call's log, and how events get it. `docs/keeping.md` describes it for readers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from voicebot.events import Event, UserTranscript, as_message, from_message

__all__ = [
    "LONGEST_TEXT",
    "VERSION",
    "AuditLine",
    "CallOpened",
    "ConsentGiven",
    "LinesLost",
    "Note",
    "RecordingStarted",
    "RecordingStopped",
    "cleaned",
    "data_of",
]

VERSION = 1
LONGEST_TEXT = 20_000
"""Characters of one string in a line; the rest is left out."""
DEEPEST = 12

_CLOCK_FIELDS = ("speech_end_s",)
"""Fields of events that are moments on the process's clock, besides `at_s`."""
_WORDS = ("text", "heard_text", "user_text", "agent_text")
"""Fields that hold what was said."""
_SPOKEN = ("call_started", "user_transcript", "agent_turn_ended", "call_ended")
"""Events of a log that is a transcript alone."""


class Note(BaseModel):
    """What the log says itself, in between the call's events."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: ClassVar[str]


class CallOpened(Note):
    """The first line: what this log is of. What came before consent is in no line."""

    name = "call_opened"
    started_at: AwareDatetime = Field(description="When the call began (`t_s` 0), by the machine's clock.")
    voicebot: str = Field(description="The version that wrote it.")
    profile: str = Field(description="The name of the profile's file, without its suffix.")
    language: str
    engines: dict[str, list[str]] = Field(description="The plugins by kind, the preferred one first.")
    keeps: list[Literal["audit", "transcripts", "recording"]]
    consent: Literal["required", "given"] = Field(description="As the profile has it.")


class ConsentGiven(Note):
    """The caller consented in the call; nothing of before is kept."""

    name = "consent_given"
    phrase: str = Field(description="The profile's phrase that they said.")


class RecordingStarted(Note):
    """The recording's first sample is at the line's `t_s`."""

    name = "recording_started"
    file: str
    sample_rate: int = Field(description="Hz; two channels: the user left, the agent right.")


class RecordingStopped(Note):
    name = "recording_stopped"
    reason: Literal["ended", "disk", "too_slow", "fault"] = Field(
        description="`ended`: the call did. `disk`: it could not be written. `too_slow`: not as fast as it came. "
        "`fault`: an error of the software."
    )
    message: str = ""
    seconds: float = Field(
        description="How much had been recorded; where the disk was full, the last seconds of it are missing."
    )


class LinesLost(Note):
    """So many lines before this one could not be written, or not as fast as they came."""

    name = "lines_lost"
    lost: int = Field(ge=1)


_NOTES: dict[str, type[Note]] = {
    note.name: note for note in (CallOpened, ConsentGiven, RecordingStarted, RecordingStopped, LinesLost)
}


class AuditLine(BaseModel):
    """One line: something that happened in the call."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    v: Literal[1] = Field(default=1, description="The schema's version.")
    n: int = Field(ge=0, description="Counts the lines of a log, from 0, without a gap.")
    call: str = Field(max_length=1_000, description="The call's id.")
    t_s: float = Field(description="When, in seconds since the call began.", allow_inf_nan=False)
    name: str = Field(max_length=100, description="A note's name, or an event's.")
    turn: int | None = Field(default=None, description="The exchange that it concerns; 0 is the greeting.")
    data: dict[str, Any] = Field(default_factory=dict, description="The note's or the event's own fields.")

    def note(self) -> Note | None:
        """The line as a note, or None where it is an event.

        Raises:
            ValueError: it has a note's name, but not its fields.
        """
        kind = _NOTES.get(self.name)
        return None if kind is None else kind.model_validate(self.data)

    def event(self) -> Event | None:
        """The line as an event, its times since the call began; or None where it is a note.

        Raises:
            ValueError: no event has that name, or has these fields.
        """
        if self.name in _NOTES:
            return None
        turn = {} if self.turn is None else {"turn_id": self.turn}
        return from_message({**self.data, **turn, "name": self.name, "at_s": self.t_s})


def data_of(
    event: Event, *, opened_s: float, audit: bool, transcripts: bool
) -> tuple[str, int | None, dict[str, Any]] | None:
    """A line's `name`, `turn` and `data`, or None where the event is not kept.

    Without `transcripts`, what was said is blank; without `audit`, only what belongs to a transcript is kept.

    Args:
        opened_s: when the call began, on the clock that the event's times are on.
    """
    data = as_message(event)
    name: str = data.pop("name")
    del data["at_s"]
    if not audit and (name not in _SPOKEN or (isinstance(event, UserTranscript) and not event.final)):
        return None
    turn: int | None = data.pop("turn_id", None)
    for field in _CLOCK_FIELDS:
        if field in data:
            data[field] = round(data[field] - opened_s, 4)
    return name, turn, data if transcripts else _blank(data)


def _blank(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "" if key in _WORDS and isinstance(child, str) else _blank(child)
            for key, child in value.items()
        }
    return [_blank(child) for child in value] if isinstance(value, list | tuple) else value


def cleaned(value: Any, secrets: Sequence[str], depth: int = 0) -> Any:
    """The value as JSON can hold it, secrets replaced by `***`, long strings shortened."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if depth < DEEPEST and isinstance(value, Mapping):
        return {str(key): cleaned(child, secrets, depth + 1) for key, child in value.items()}
    if depth < DEEPEST and isinstance(value, list | tuple):
        return [cleaned(child, secrets, depth + 1) for child in value]
    return cleaned(str(value), secrets, depth)
