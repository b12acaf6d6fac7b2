"""Whether what is kept of calls is whole, whatever became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import soundfile

from voicebot.errors import VoicebotError
from voicebot.keeping import AuditLine, CallStore, KeptCall, read_log
from voicebot.keeping.schema import LinesLost, RecordingStarted, RecordingStopped

__all__ = ["Fate", "Kept", "examine"]

Fate = Literal["ended", "killed", "disk full"]
"""What became of a call: it came to its end; its worker was killed; the disk was full for a while."""
PAGE_S = 1.1
"""What an Ogg page of a recording holds."""
BEHIND_S = 4.0 + PAGE_S
"""So far a recording may be behind when its writer is killed: `docs/keeping.md`."""
PATIENCE_S = 15.0
"""The last page is written after the page has been told that the call is over."""


@dataclass
class Kept:
    calls: int = 0
    lines: int = 0
    recorded_s: float = 0.0
    lost: int = 0
    """Lines that the logs say are missing."""
    stopped: int = 0
    """Recordings that the logs say the disk has cut short."""
    problems: list[str] = field(default_factory=list)


async def examine(folder: Path, fates: Mapping[str, Fate]) -> Kept:
    """What is kept of these calls, once it is all there; `problems` is empty where it is whole.

    Whole is a log whose every line is one of its schema, without a gap that it does not tell of, and which ends with
    the call; and a recording that can be read, and is as long as the log says that it is. Where a worker was killed
    both may end before the call did.
    """
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        kept = await asyncio.to_thread(_examine, folder, fates)
        if not kept.problems or asyncio.get_running_loop().time() > deadline_s:
            return kept
        await asyncio.sleep(0.2)


def _examine(folder: Path, fates: Mapping[str, Fate]) -> Kept:
    kept, found = Kept(), {call.id: call for call in CallStore(folder).calls()}
    for name, fate in fates.items():
        if name not in found:
            kept.problems.append(f"{name} ({fate}): nothing is kept of it")
            continue
        kept.calls += 1
        try:
            kept.problems += [f"{name} ({fate}): {what}" for what in _problems(found[name], fate, kept)]
        except (VoicebotError, ValueError, soundfile.SoundFileError) as error:
            kept.problems.append(f"{name} ({fate}): {error}")
    return kept


def _problems(call: KeptCall, fate: Fate, kept: Kept) -> list[str]:
    if call.log is None:
        return ["there is no log"]
    log = read_log(call.log)
    problems = [f"line {problem.line}: {problem.what}" for problem in log.problems]
    if log.torn and fate != "killed":
        problems.append("its last line is torn")
    notes = [line.note() or line.event() for line in log.lines]  # ValueError: not what the line says it is
    kept.lines += len(log.lines)
    kept.lost += sum(note.lost for note in notes if isinstance(note, LinesLost))
    names = [line.name for line in log.lines]
    if names[:1] != ["call_opened"]:
        problems.append(f"its log begins with {names[:1]}")
    if "call_ended" not in names and fate != "killed":
        problems.append(f"its log ends with {names[-1:]}")
    return problems + _of_the_recording(call, log.lines, fate, kept)


def _of_the_recording(call: KeptCall, lines: list[AuditLine], fate: Fate, kept: Kept) -> list[str]:
    notes = {line.name: (line.t_s, line.note()) for line in lines}
    began_s, began = notes.get(RecordingStarted.name, (0.0, None))
    _, note = notes.get(RecordingStopped.name, (0.0, None))
    stopped = note if isinstance(note, RecordingStopped) else None
    kept.stopped += stopped is not None and stopped.reason == "disk"
    if call.recording is None:
        # With less than a page there is no file.
        seconds = lines[-1].t_s - began_s if stopped is None else stopped.seconds
        at_once = began is None or seconds < BEHIND_S
        return [] if fate != "ended" and at_once else ["there is no recording"]
    with soundfile.SoundFile(call.recording) as file:
        seconds = len(file.read(dtype="int16", always_2d=True)) / file.samplerate
    kept.recorded_s += seconds
    if stopped is None:
        late_s = lines[-1].t_s - began_s - seconds
        if fate == "killed" and late_s < BEHIND_S:
            return []
        return [
            f"{seconds:.1f} s are recorded, {late_s:.1f} s less than the log goes on, which does not say so"
        ]
    if stopped.reason != ("disk" if fate == "disk full" else "ended"):
        return [f"its recording stopped: {stopped.reason}"]
    if stopped.reason == "disk":
        return (
            [] if seconds <= stopped.seconds + PAGE_S else [f"{seconds} s of {stopped.seconds} are recorded"]
        )
    ended_s = next(line.t_s for line in lines if line.name == "call_ended")
    length_s = ended_s - began_s
    if abs(seconds - stopped.seconds) < 0.1 and abs(seconds - length_s) < PAGE_S:
        return []
    return [
        f"{seconds:.2f} s are recorded, the log says {stopped.seconds:.2f} s, of a call of {length_s:.2f} s"
    ]
