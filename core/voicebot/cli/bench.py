"""`voicebot bench`: a profile's engines in conversation, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from voicebot.bench.runner import Contestant
    from voicebot.bench.scenario import Scenario
    from voicebot.bench.scoring import CallRecord, TurnResult
    from voicebot.engines import Engine

__all__ = ["bench"]

OVER_BUDGET = 1
INTERRUPTED = 130
EAR_MODEL = "whisper-base-ct2"
KINDS = ("plain", "pause", "filler", "numbers", "noise", "interruption", "backchannel", "cough", "echo")


@click.group()
def bench() -> None:
    """Measure turn-taking: how fast a profile answers, and how well it listens.

    \b
    Examples:
      voicebot bench turns --profile local                     what is it like to talk to?
      voicebot bench turns -p local --turns 18 --keep out/     fewer calls, kept for listening
      voicebot bench turns -p local --against prod --json run.json
      voicebot bench curve run.json --plot curve.svg           what would other delays have brought?
    """


@bench.command()
@click.option("--profile", "-p", required=True, help="A profile's file, or the bare name of a known one.")
@click.option(
    "--against",
    metavar="PROFILE",
    help="Hold every call with this profile too, in turns, and print the ratio.",
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Where to write the report; - prints it."
)
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(path_type=Path),
    help="Where to draw the latencies' distribution (.svg, .png, .pdf).",
)
@click.option("--seed", default=1, show_default=True, help="Decides who says what, how and when.")
@click.option(
    "--turns", "size", type=click.IntRange(min=1), help="How many calls; without it, all there are."
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for each call's recording (left: the user, right: the agent) and its events.",
)
@click.option(
    "--only",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="Only calls of this kind; may be given several times.",
)
@click.option("--no-budget", is_flag=True, help="Do not judge by the profile's budget.")
@click.option("--quiet", "-q", is_flag=True, help="Print the table only, without progress.")
def turns(
    profile: str,
    against: str | None,
    json_path: Path | None,
    plot_path: Path | None,
    seed: int,
    size: int | None,
    keep: Path | None,
    kinds: tuple[str, ...],
    no_budget: bool,
    quiet: bool,
) -> int:
    """Hold calls with a simulated user, in real time, and measure them in the recorded audio.

    The user says one thing in each call: plainly, with pauses, fillers or numbers, over noise. In some, a sound
    comes while the agent answers: an interruption, a word of agreement, a cough, the agent's own echo. The
    profile's engines are the real ones; its transport and its greeting are left out.

    \b
    voice to voice   last speech sample of the user -> first audible sample of the agent, the end-of-turn wait
                     included; of an answer that follows the whole turn
    cut off          an answer was begun before the user had finished; counted for turns whose pauses are at most
                     0.5 s long, and for all
    speech -> silence  first speech sample of an interruption -> last audible sample of the agent
    heard whole      after a cough, say, the answer went on from the same sample and was heard to its end
    heard text       the words that the agent believes to have been heard before an interruption, against those
                     that the profile's own recogniser finds in the recording

    A full run takes a quarter of an hour, as calls do. Leave the machine alone meanwhile. Ctrl-C ends it early:
    what has been measured is printed and written, and marked as partial.

    \b
    Examples:
      voicebot bench turns --profile local
      voicebot bench turns -p local --only cough --only echo --keep out/
      voicebot bench turns -p mine.yaml --against local --json run.json --plot run.svg
      VOICEBOT_SPECULATION__ENABLED=false voicebot bench turns -p local --json serial.json

    Exit code 0: measured; 1: the median is over the profile's budget.voice_to_voice, or nothing could be
    measured; 2: it could not be held; 130: stopped.
    """
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    from voicebot.bench.contestant import build_contestant, recordings_folder
    from voicebot.bench.corpus import build_scenarios
    from voicebot.bench.keeping import keep_call
    from voicebot.bench.plot import check_plot, plot_latency
    from voicebot.bench.progress import BenchProgress
    from voicebot.bench.report import as_dict, lines
    from voicebot.bench.runner import hold_scenarios
    from voicebot.errors import VoicebotError
    from voicebot.models import ModelStore
    from voicebot.report import process_usage
    from voicebot.watchdog import run

    if plot_path is not None:
        check_plot(plot_path)
    to_stdout = json_path is not None and str(json_path) == "-"
    if json_path is not None and not to_stdout:
        _check_folder(json_path)
    contestants = [build_contestant(name) for name in (profile, against) if name is not None]
    if len(contestants) == 2 and contestants[0].name == contestants[1].name:
        contestants[1].name += " (again)"
    with BenchProgress(quiet=quiet or to_stdout) as progress:
        scenarios = build_scenarios(
            seed=seed,
            size=size,
            models=ModelStore(),
            cache_dir=recordings_folder(),
            progress=progress.preparing,
        )
        scenarios = _only(scenarios, kinds)
        progress.calls(len(scenarios) * len(contestants))

        def held(contestant: Contestant, result: TurnResult, record: CallRecord) -> None:
            progress.held(contestant, result)
            if keep is not None:
                keep_call(keep, contestant.name, result, record)

        stopped, failure = False, None
        deadline_s = max(contestant.settings.deadlines.warmup_s for contestant in contestants)
        try:
            run(
                hold_scenarios(contestants, scenarios, ear=_ear(profile, scenarios), on_result=held),
                blocked_after_s=deadline_s + 5,
            )
        except KeyboardInterrupt:
            stopped = True
        except VoicebotError as error:
            # What was measured before is worth writing.
            if not contestants[0].results:
                raise
            failure = error
    budget_ms = None if no_budget else contestants[0].settings.budget.voice_to_voice
    report = as_dict(
        {contestant.name: contestant.results for contestant in contestants},
        seed=seed,
        budget_ms=budget_ms,
        planned=len(scenarios),
        peak_rss_mb=process_usage()["peak_rss_mb"],
    )
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    if to_stdout:
        click.echo(text)
    else:
        if json_path is not None:
            _write(json_path, text)
        click.echo("\n".join(lines(report)))
    if plot_path is not None:
        plot_latency(plot_path, report)
    if failure is not None:
        raise failure
    if stopped:
        return INTERRUPTED
    median = report["summary"]["voice_to_voice_median_ms"]
    return OVER_BUDGET if median is None or (budget_ms is not None and median > budget_ms) else 0


@bench.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Where to draw the curves (.svg, .png, .pdf).",
)
@click.option("--short-pauses", is_flag=True, help="Leave out turns with pauses over 0.5 s.")
def curve(reports: tuple[Path, ...], plot_path: Path, short_pauses: bool) -> int:
    """Draw cut-off rate against median latency, as other delays would have made them.

    REPORTS are those that `bench turns --json` wrote. Each pause in them is replayed: with a fixed delay ("silence"),
    with the end-of-turn model's delays made shorter or longer ("smart"), and with the answer prepared during the
    wait ("smart, speculating"). What the run itself measured is drawn on top.

    \b
    Examples:
      voicebot bench curve run.json --plot curve.svg
      voicebot bench curve smart.json silence.json --plot both.png --short-pauses

    Exit code 0: drawn; 2: a report cannot be read, or has no pauses to replay.
    """
    from voicebot.bench.curve import curves, measured
    from voicebot.bench.plot import check_plot, plot_curves
    from voicebot.bench.reading import read_run
    from voicebot.errors import VoicebotError

    check_plot(plot_path)
    runs = []
    for path in reports:
        for name, turns in read_run(path):
            chosen = [turn for turn in turns if not (short_pauses and turn["has_long_pause"])]
            label = f"{path.stem}, {name}"
            drawn = curves(chosen)
            if not drawn:
                raise VoicebotError(
                    f"{path}: the run of {name!r} has no answered turn with a judged pause to replay."
                )
            runs.append((label, drawn, measured(chosen)))
    plot_curves(plot_path, runs)
    return 0


def _ear(name: str, scenarios: list[Scenario]) -> Engine[Any] | None:
    """A better recogniser than most profiles can afford, to say what was heard before an interruption.

    None where there is none, or where it is not installed.
    """
    from voicebot.bench.contestant import bench_environ
    from voicebot.call import build_provider
    from voicebot.errors import VoicebotError
    from voicebot.models import ModelStore
    from voicebot.profile import load_profile, resolve

    if not any(scenario.barge and scenario.barge.kind == "interruption" for scenario in scenarios):
        return None
    settings = {
        "USE": "fasterwhisper",
        "MODEL": EAR_MODEL,
        "CONTEXT_FINAL": "1500",
        "INTERIM_INTERVAL_MS": "0",
    }
    environ = {key: value for key, value in bench_environ().items() if not key.startswith("VOICEBOT_STT")}
    environ |= {f"VOICEBOT_STT__{key}": value for key, value in settings.items()}
    try:
        resolved = resolve(load_profile(name, environ=environ))
        store = ModelStore(base_dir=resolved.profile.base_dir)
        store.path(EAR_MODEL)
        return build_provider("stt", resolved, store)
    except VoicebotError:
        return None


def _only(scenarios: list[Scenario], kinds: tuple[str, ...]) -> list[Scenario]:
    """Those whose turn or whose sound is of one of these kinds; all where none is named."""
    from voicebot.errors import VoicebotError

    chosen = [
        scenario
        for scenario in scenarios
        if not kinds
        or scenario.turn.kind in kinds
        or (scenario.barge is not None and scenario.barge.kind in kinds)
    ]
    if not chosen:
        raise VoicebotError(
            f"None of the {len(scenarios)} calls is of the kind {' or '.join(kinds)}.",
            hint="Ask for more --turns.",
        )
    return chosen


def _check_folder(path: Path) -> None:
    from voicebot.errors import VoicebotError

    if path.is_dir():
        raise VoicebotError(f"{path} is a folder; name a file to write.")
    if not path.parent.is_dir():
        raise VoicebotError(
            f"{path} cannot be written: there is no folder {path.parent}.", hint="Create it first."
        )


def _write(path: Path, text: str) -> None:
    from voicebot.errors import VoicebotError

    try:
        path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise VoicebotError(f"{path}: the report cannot be written: {error.strerror}") from error
