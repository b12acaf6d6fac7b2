"""A log as people read it: who said what, when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from voicebot.events import AgentTurnEnded, AgentTurnStarted, Event, UserSpeechStarted, UserTranscript
from voicebot.keeping.schema import AuditLine, CallOpened, ConsentGiven, LinesLost, Note, RecordingStopped

__all__ = ["Said", "opened", "transcript"]


@dataclass(frozen=True, slots=True)
class Said:
    t_s: float
    """Since the call began: where it was begun, where the log tells that."""
    who: str
    """`user`, `agent`, or "" for the log itself."""
    text: str


def opened(lines: list[AuditLine]) -> CallOpened | None:
    """What a log is of, where its first line says so."""
    note = _note(lines[0]) if lines else None
    return note if isinstance(note, CallOpened) else None


def transcript(lines: list[AuditLine]) -> Iterator[Said]:
    """What was said and heard, in order, with what the log says of itself in between."""
    spoke_s: float | None = None
    answers: dict[int, float] = {}
    for line in lines:
        event = _event(line)
        if isinstance(event, UserSpeechStarted):
            spoke_s = event.at_s if spoke_s is None else spoke_s
        elif isinstance(event, UserTranscript) and event.final:
            yield Said(event.at_s if spoke_s is None else spoke_s, "user", event.text or "…")
            spoke_s = None
        elif isinstance(event, AgentTurnStarted):
            answers[event.turn_id] = event.at_s
        elif isinstance(event, AgentTurnEnded):
            how = "" if event.reason == "finished" else f" ({event.reason})"
            yield Said(answers.pop(event.turn_id, event.at_s), "agent", f"{event.heard_text or '…'}{how}")
        elif text := _told(_note(line)):
            yield Said(line.t_s, "", text)


def _told(note: Note | None) -> str:
    if isinstance(note, ConsentGiven):
        return f"consent was given: {note.phrase!r}"
    if isinstance(note, LinesLost):
        return f"{note.lost} lines could not be written"
    if isinstance(note, RecordingStopped) and note.reason != "ended":
        return f"the recording stopped after {note.seconds:.1f} s ({note.reason}): {note.message}".rstrip(
            ": "
        )
    return ""


def _event(line: AuditLine) -> Event | None:
    try:
        return line.event()
    except ValueError:
        return None  # of another version of voicebot


def _note(line: AuditLine) -> Note | None:
    try:
        return line.note()
    except ValueError:
        return None
