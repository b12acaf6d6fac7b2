"""The note that a running `voicebot run` leaves in the user's runtime folder, for `voicebot drain` to find it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from voicebot.errors import VoicebotError
from voicebot.link.settings import private_folder

__all__ = ["Note", "NoteKeeper", "noted", "read_note", "running"]

_log = logging.getLogger(__name__)

SAME_PROCESS_S = 2.0
"""How far apart the start of a process may be that two looks at it tell."""


class Note(BaseModel):
    """What is known of a server."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    pid: int
    started_s: float
    """When the process was started (Unix time): another one may have its number by now."""
    profile: str
    """The profile's file."""
    state: Literal["serving", "draining"] = "serving"
    calls_on: int = 0
    drain_s: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether the process that wrote it runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_s) < SAME_PROCESS_S
            return bool(same and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False


class NoteKeeper:
    """Keeps the note up to date. That it cannot be written costs no call."""

    def __init__(self, path: Path | None, note: Note) -> None:
        self._path = path
        self._note = note

    def update(self, state: Literal["serving", "draining"], calls_on: int) -> None:
        """Write what has changed; whoever reads sees the one or the other."""
        self._note = self._note.model_copy(update={"state": state, "calls_on": calls_on})
        if self._path is None:
            return
        part = self._path.with_suffix(".part")
        try:
            part.write_text(self._note.model_dump_json(), encoding="utf-8")
            part.replace(self._path)
        except OSError as error:
            _log.warning("%s cannot be written (%s): voicebot drain will not see this server", part, error)
            self._path = None


@contextmanager
def noted(profile: str, drain_s: float) -> Iterator[NoteKeeper]:
    """The note of this process, until the block ends."""
    pid = os.getpid()
    note = Note(pid=pid, started_s=psutil.Process().create_time(), profile=profile, drain_s=drain_s)
    path: Path | None = None
    try:
        folder = private_folder()
        for old in folder.glob("run-*.json"):
            if read_note(old) is None:  # of one that was killed
                old.unlink(missing_ok=True)
        path = folder / f"run-{pid}.json"
    except (VoicebotError, OSError) as error:
        _log.warning("voicebot drain will not see this server: %s", error)
    keeper = NoteKeeper(path, note)
    keeper.update("serving", 0)
    try:
        yield keeper
    finally:
        if path is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def read_note(path: Path) -> Note | None:
    """What a file says; None where it is none, or of a process that is over."""
    try:
        note = Note.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return note if note.alive else None


def running() -> dict[Path, Note]:
    """The notes of this user's servers that run, by their files.

    Raises:
        EngineError: the user's runtime folder cannot be had.
    """
    notes = {path: read_note(path) for path in sorted(private_folder().glob("run-*.json"))}
    return {path: note for path, note in notes.items() if note is not None}
