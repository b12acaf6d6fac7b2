"""`voicebot replay`: a recorded call, held again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voicebot.cli.writing import write_text

if TYPE_CHECKING:
    from voicebot.interfaces import Kind
    from voicebot.replaying import Recording, Replayed

__all__ = ["replay"]

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("call", type=FILE)
@click.option(
    "--profile", "-p", help="Hold it with the engines of this profile, instead of the recorded ones."
)
@click.option(
    "--replace",
    "parts",
    multiple=True,
    type=click.Choice(("vad", "stt", "turn", "llm", "tts", "settings")),
    help="With --profile: take only this engine of it, or the core's settings; may be given several times.",
)
@click.option("--fast", is_flag=True, help="With --profile: skip the waiting, where no server is asked.")
@click.option("--json", "report_path", type=FILE, help="Where to write the differences; - prints them.")
@click.option(
    "--log", "log_path", type=FILE, help="Where to write the replay's events, one JSON object a line."
)
@click.option("--output", "-o", type=FILE, help="Where to write what the listener would have heard: a WAV.")
@click.option("--redact", type=FILE, help="Replay nothing: write a copy without what was said.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def replay(
    call: Path,
    profile: str | None,
    parts: tuple[str, ...],
    fast: bool,
    report_path: Path | None,
    log_path: Path | None,
    output: Path | None,
    redact: Path | None,
    quiet: bool,
) -> int:
    """Hold a recorded call again, and say what is different.

    CALL was written by `voicebot call --record CALL`. Without --profile the recorded engines answer as they did and as
    late as they did, on a virtual clock: the same recording gives the same events, always, in a second or two. With
    --profile the user is the recorded one, and engines and settings are the profile's: all of them, or what --replace
    names.

    \b
    Examples:
      voicebot call -p local -i question.wav -o answer.wav --record bug.vbcall
      voicebot replay bug.vbcall
      voicebot replay bug.vbcall --profile prod --replace llm
      voicebot replay bug.vbcall --profile base --json differences.json
      VOICEBOT_INTERRUPTION__ENABLED=false voicebot replay bug.vbcall -p local --replace settings
      voicebot replay bug.vbcall --redact to-send.vbcall

    Exit code 0: the same conversation; 1: another one; 2: it could not be replayed.
    """
    from rich.console import Console

    from voicebot.cli.differences import show_comparison
    from voicebot.replaying import compare, read_recording, write_redacted

    if parts and profile is None:
        raise click.UsageError("--replace needs --profile: of which profile?")
    if redact is not None:
        write_redacted(call, redact)
        if not quiet:
            click.echo(f"{redact}: what was said is not in it")
        return 0
    recording = read_recording(call)
    replayed = _replay(recording, profile, parts, fast)
    # Of a recording that was cut off, nothing is known of what came after.
    log = replayed.log if recording.whole else replayed.log[: len(recording.log)]
    comparison = compare(recording.log, log, replayed.missing)
    to_stdout = report_path is not None and str(report_path) == "-"
    text = json.dumps(comparison.as_dict(), indent=2, ensure_ascii=False)
    if to_stdout:
        click.echo(text)
    elif report_path is not None:
        write_text(report_path, text)
    if log_path is not None:
        write_text(log_path, "\n".join(json.dumps(event, ensure_ascii=False) for event in replayed.log))
    if output is not None:
        from voicebot.wav import write_wav

        write_wav(output, replayed.heard)
    if not (quiet or to_stdout):
        if not recording.whole:
            click.echo("the recording ends before the call did: so does its replay", err=True)
        show_comparison(comparison, Console(highlight=False, soft_wrap=True))
    return 0 if comparison.same else 1


def _replay(recording: Recording, profile: str | None, parts: tuple[str, ...], fast: bool) -> Replayed:
    from voicebot.replaying import REPLACEABLE, StandIns, replay_for_real, replay_recorded

    if profile is None:
        return replay_recorded(recording)
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    from voicebot.bench.contestant import bench_environ
    from voicebot.models import ModelStore
    from voicebot.plugins import ensure_installed
    from voicebot.profile import load_profile, resolve
    from voicebot.profile.resolve import section_models

    loaded = load_profile(profile, environ=bench_environ())
    if set(parts) == {"settings"}:
        return replay_recorded(recording, loaded)
    resolved = resolve(loaded)
    store = ModelStore(base_dir=resolved.profile.base_dir)
    kinds: list[Kind] = [kind for kind in REPLACEABLE if kind in parts or not parts]
    for kind in kinds:
        for section in resolved.chain(kind):
            ensure_installed(section.info, section.provider_class)
            for model in section_models(section):
                store.path(model)
    return replay_for_real(
        recording, StandIns(resolved, store, kinds, "settings" in parts or not parts), fast=fast
    )
