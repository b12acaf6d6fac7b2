"""`voicebot drain`: let a running `voicebot run` finish its calls, and end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from voicebot.supervising.running import Note

__all__ = ["drain"]

LOOK_EVERY_S = 0.2


@click.command()
@click.option("--profile", "-p", help="Which server, where several run: the profile that it runs.")
@click.option("--pid", type=click.IntRange(min=1), help="Which server: its process.")
@click.option("--no-wait", is_flag=True, help="Say so to it, and do not wait for its end.")
def drain(profile: str | None, pid: int | None, no_wait: bool) -> int:
    """Let a running `voicebot run` of yours take no further call, finish those that are on, and end.

    Calls may go on for the profile's `pool.drain_s`; then the agent says goodbye. Meanwhile /readyz answers 503, so
    that a load balancer sends callers elsewhere. To hurry: SIGTERM to the server. Ctrl-C here only stops looking.

    \b
    Examples:
      voicebot drain
      voicebot drain --profile prod
      voicebot drain --no-wait

    Exit code 0: it has ended (--no-wait: it was told to); 2: there is no such server; 130: stopped looking.
    """
    from voicebot.supervising.signals import DRAIN_SIGNAL

    path, note = _find(profile, pid)
    try:
        os.kill(note.pid, DRAIN_SIGNAL)
    except ProcessLookupError:
        click.echo("It has ended.")
        return 0
    click.echo(f"{_name(note)} takes no further call. Calls may go on for {note.drain_s:g} s.")
    if not no_wait:
        _watch(path, note)
        click.echo("It has ended.")
    return 0


def _find(profile: str | None, pid: int | None) -> tuple[Path, Note]:
    from voicebot.errors import VoicebotError
    from voicebot.profile import load_profile
    from voicebot.supervising.running import running

    file = None if profile is None else str(load_profile(profile).file)
    every = running()
    notes = {
        path: note
        for path, note in every.items()
        if (file is None or note.profile == file) and (pid is None or note.pid == pid)
    }
    if len(notes) == 1:
        return next(iter(notes.items()))
    found = "\n".join(f"  {_name(note)}: {note.profile}" for note in (notes or every).values())
    if notes:
        raise VoicebotError(f"Several servers run:\n{found}", hint="Say which: --pid, or --profile.")
    if every:
        raise VoicebotError(f"No such server runs. These do:\n{found}")
    raise VoicebotError(
        "No `voicebot run` of this user runs here.",
        hint="One of another user, or in a container, is told there; SIGTERM to it drains, too.",
    )


def _name(note: Note) -> str:
    return f"voicebot run, process {note.pid}"


def _watch(path: Path, note: Note) -> None:
    from voicebot.supervising.running import read_note

    said = None
    while note.alive:
        latest = read_note(path) or note
        left = latest.calls_on
        if latest.state == "draining" and left != said:
            said = left
            click.echo(f"{left} call{'' if left == 1 else 's'} on")
        time.sleep(LOOK_EVERY_S)
