"""`voicebot call`: one call, from one WAV file into another."""

from __future__ import annotations

import json
import os
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from voicebot.cli.writing import write_text

__all__ = ["call"]


@click.command()
@click.option("--profile", "-p", required=True, help="A profile's file, or the bare name of a known one.")
@click.option(
    "--input",
    "-i",
    "input_wav",
    required=True,
    type=click.Path(path_type=Path),
    help="What the user says: any WAV; it may hold several questions with pauses.",
)
@click.option(
    "--output",
    "-o",
    "output_wav",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to write what the listener hears, on the input's clock.",
)
@click.option(
    "--json", "report_path", type=click.Path(path_type=Path), help="Where to write the report; - prints it."
)
@click.option(
    "--fast",
    is_flag=True,
    help="Skip the waiting: time passes only while an engine works. Latencies stay comparable, not exact.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    help="Where to write a recording of all that went in and out, for `voicebot replay`.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def call(
    profile: str,
    input_wav: Path,
    output_wav: Path,
    report_path: Path | None,
    fast: bool,
    record: Path | None,
    quiet: bool,
) -> int:
    """Hold one call with an agent: INPUT is the user's voice, OUTPUT is what they hear.

    The call runs in real time, as with a person on the line, and prints what is said and where each turn's
    milliseconds went. It ends when the input is over and the agent has answered.

    \b
    Examples:
      voicebot call --profile local --input question.wav --output answer.wav
      VOICEBOT_TTS=piper voicebot call -p local -i question.wav -o answer.wav --json report.json
      voicebot call -p local -i question.wav -o answer.wav --fast --quiet --json -
      voicebot call -p local -i question.wav -o answer.wav --record bug.vbcall

    Exit code 0: the call was held and every turn answered; 1: it was held, but an engine failed in it (the report
    says which); 2: it could not be held.
    """
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    from voicebot import replaying
    from voicebot.call import hold_call
    from voicebot.cli.live import LiveView
    from voicebot.hooks import build_hook_manager
    from voicebot.models import ModelStore
    from voicebot.profile import load_profile, required_models, resolve
    from voicebot.watchdog import run

    environ = {key: value for key, value in os.environ.items() if not key.startswith("VOICEBOT_TRANSPORT")}
    environ["VOICEBOT_TRANSPORT__USE"] = "wav"
    environ["VOICEBOT_TRANSPORT__INPUT"] = str(input_wav.absolute())
    environ["VOICEBOT_TRANSPORT__OUTPUT"] = str(output_wav.absolute())
    resolved = resolve(load_profile(profile, environ=environ))
    store = ModelStore(base_dir=resolved.profile.base_dir)
    for name in required_models(resolved):
        store.path(name)
    taping = None if record is None else replaying.Taping(record, on_problem=partial(_warn, record))
    to_stdout = report_path is not None and str(report_path) == "-"
    view = LiveView(quiet=quiet or to_stdout)
    deadline_s = resolved.profile.deadlines.warmup_s
    with closing(build_hook_manager()) as hooks, view:
        report = run(
            hold_call(
                resolved,
                store,
                hooks=hooks,
                observe=view.show,
                taping=taping,
            ),
            virtual_clock=fast,
            blocked_after_s=deadline_s + 5,
        )
    data = report.as_dict()
    data["call"] |= {
        "profile": str(resolved.profile.file),
        "input": str(input_wav),
        "output": str(output_wav),
    }
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if to_stdout:
        click.echo(text)
    elif report_path is not None:
        write_text(report_path, text)
    view.summary(data)
    return 1 if report.errors else 0


def _warn(record: Path, problem: str) -> None:
    click.echo(f"{record}: the recording is not whole: {problem}", err=True)
