"""`voicebot calls`: what is kept of calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voicebot.errors import VoicebotError

if TYPE_CHECKING:
    from voicebot.keeping import AuditLog, CallStore, KeptCall
    from voicebot.profile import Profile

__all__ = ["calls"]

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def calls() -> None:
    """What is kept of calls: logs, transcripts, recordings.

    The profile's section `keep` says what is kept, and where; by default nothing is.
    """


def _where(command: F) -> F:
    for option in (
        click.option("--folder", type=click.Path(path_type=Path), help="The folder of calls itself."),
        click.option("--profile", "-p", help="The profile whose calls they are."),
    ):
        command = option(command)
    return command


@calls.command("list")
@_where
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(profile: str | None, folder: Path | None, as_json: bool) -> None:
    """List the calls of which anything is kept, the oldest first.

    \b
    Examples:
      voicebot calls list --profile local
      voicebot calls list --folder /var/lib/voicebot/calls --json
    """
    from voicebot.cli.table import columns

    store = _store(profile, folder)
    rows = [_row(call) for call in store.calls()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if rows:
        table = [("CALL", "BEGAN (UTC)", "SECONDS", "TURNS", "RECORDING", "KB", "")]
        table += [
            (
                row["id"],
                (row["started_at"] or "-")[:19].replace("T", " "),
                "-" if row["seconds"] is None else f"{row['seconds']:.0f}",
                str(row["turns"]),
                "yes" if row["recording"] else "-",
                f"{row['size'] / 1000:.0f}",
                row["state"],
            )
            for row in rows
        ]
        for line in columns(table):
            click.echo(line)
    click.echo(f"\n{len(rows)} calls in {store.folder}", err=True)


@calls.command()
@click.argument("call_id")
@_where
@click.option("--json", "as_json", is_flag=True, help="Print every line of the log, as JSON.")
def show(call_id: str, profile: str | None, folder: Path | None, as_json: bool) -> int:
    """Print what was said in a call, with times.

    Of the agent, that is what was heard. Times are minutes and seconds since the call began; the log says where in
    that the recording starts.

    \b
    Examples:
      voicebot calls show 3f2a8c91d0b7 --profile local
      voicebot calls show 3f2a8c91d0b7 --profile local --json

    Exit code 0; 1 where a part of the log cannot be read.
    """
    from voicebot.keeping.transcript import opened, transcript

    call = _store(profile, folder).find(call_id)
    log = _log(call)
    if as_json:
        for line in log.lines:
            click.echo(json.dumps(line.model_dump()))
        return _complain(log)
    about = opened(log.lines)
    if about is not None:
        click.echo(f"{call.id}  {about.started_at:%Y-%m-%d %H:%M:%S %Z}  profile {about.profile}")
    for said in transcript(log.lines):
        minutes, seconds = divmod(max(0.0, said.t_s), 60)
        click.echo(f"{int(minutes):02d}:{seconds:04.1f}  {said.who or '--':<5}  {_one_line(said.text)}")
    if call.recording is not None:
        click.echo(f"recording: {call.recording}")
    return _complain(log)


@calls.command()
@click.argument("call_id")
@_where
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="The zip to write; CALL_ID.zip by default."
)
def export(call_id: str, profile: str | None, folder: Path | None, output: Path | None) -> None:
    """Write all that is kept of a call into a zip.

    \b
    Examples:
      voicebot calls export 3f2a8c91d0b7 --profile local
      voicebot calls export 3f2a8c91d0b7 --profile local --output /tmp/call.zip
    """
    store = _store(profile, folder)
    call = store.find(call_id)
    target = output or Path(f"{call.id}.zip")
    store.export(call, target)
    click.echo(f"{target}  {target.stat().st_size / 1000:.0f} KB")


@calls.command()
@click.argument("call_ids", metavar="[CALL_ID]...", nargs=-1)
@_where
@click.option("--before", type=click.FloatRange(min=0), metavar="DAYS", help="All calls older than that.")
def delete(call_ids: tuple[str, ...], profile: str | None, folder: Path | None, before: float | None) -> None:
    """Delete all that is kept of calls. There is no way back.

    \b
    Examples:
      voicebot calls delete 3f2a8c91d0b7 --profile local
      voicebot calls delete --before 7 --profile local
    """
    store = _store(profile, folder)
    if not call_ids and before is None:
        raise click.UsageError("Say which calls: their ids, or --before DAYS.")
    # All are found before the first is deleted: a wrong id deletes nothing.
    doomed = {call_id: store.find(call_id) for call_id in call_ids}
    if before is not None:
        doomed |= {call.id: call for call in store.older_than(before)}
    click.echo(f"{store.delete(doomed.values())} calls deleted")


@calls.command()
@click.option("--profile", "-p", required=True, help="The profile whose calls they are.")
def prune(profile: str) -> None:
    """Delete the calls that are older than the profile's `keep.days`, as `voicebot run` does.

    \b
    Examples:
      voicebot calls prune --profile local
    """
    from voicebot.keeping import CallStore
    from voicebot.keeping.store import folder_of

    loaded = _profile(profile)
    click.echo(f"{CallStore(folder_of(loaded)).prune(loaded.keep.days)} calls deleted")


def _profile(name: str) -> Profile:
    from voicebot.profile import load_profile

    return load_profile(name)


def _store(profile: str | None, folder: Path | None) -> CallStore:
    from voicebot.keeping import CallStore
    from voicebot.keeping.store import folder_of

    if (profile is None) == (folder is None):
        raise click.UsageError("Say whose calls: --profile FILE, or --folder DIR.")
    if folder is None:
        assert profile is not None
        return CallStore(folder_of(_profile(profile)))
    if not folder.is_dir():
        raise VoicebotError(f"{folder}: there is no such folder.")
    return CallStore(folder)


def _log(call: KeptCall) -> AuditLog:
    from voicebot.keeping import AuditLog, read_log

    if call.log is None:
        return AuditLog()
    try:
        return read_log(call.log)
    except OSError as error:
        raise VoicebotError(f"{call.log}: cannot be read: {error.strerror}") from error


def _row(call: KeptCall) -> dict[str, Any]:
    from voicebot.keeping.transcript import opened

    log = _log(call)
    about = opened(log.lines)
    names = [line.name for line in log.lines]
    if call.log is None:
        state = ""
    elif log.problems:
        state = f"{len(log.problems) + log.more_problems} lines cannot be read"
    elif log.torn or "call_ended" not in names:
        state = "cut off"
    else:
        state = ""
    return {
        "id": call.id,
        "started_at": None if about is None else about.started_at.isoformat(),
        "changed_at": datetime.fromtimestamp(call.changed_at, UTC).isoformat(),
        "seconds": max((line.t_s for line in log.lines), default=None),
        "turns": sum(line.name == "user_transcript" and line.data.get("final") is True for line in log.lines),
        "log": None if call.log is None else str(call.log),
        "recording": None if call.recording is None else str(call.recording),
        "size": call.size,
        "state": state,
    }


def _one_line(text: str) -> str:
    """What was said may hold anything: a terminal must not obey it."""
    return "".join(character if character.isprintable() else " " for character in text)


def _complain(log: AuditLog) -> int:
    for problem in log.problems:
        click.echo(f"line {problem.line}: {problem.what}", err=True)
    if log.more_problems:
        click.echo(f"and {log.more_problems} more", err=True)
    if log.torn:
        click.echo("The last line is torn: whoever wrote it was stopped in the middle.", err=True)
    return 1 if log.problems else 0
