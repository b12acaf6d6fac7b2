"""`voicebot bench`: a profile's engines in conversation, measured, alone or against another profile's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicebot.cli.curve import curve
from voicebot.cli.writing import write_text

if TYPE_CHECKING:
    from voicebot.bench.runner import Contestant
    from voicebot.bench.scenario import Scenario
    from voicebot.bench.scoring import CallRecord, TurnResult

__all__ = ["bench"]

BREACH = 1
INTERRUPTED = 130
KINDS = ("plain", "pause", "filler", "numbers", "noise", "interruption", "backchannel", "cough", "echo")

_FILE = click.Path(path_type=Path)


@click.group(invoke_without_command=True, no_args_is_help=True)
@click.option("--profile", "-p", help="A profile's file, or the bare name of a known one.")
@click.option(
    "--against", metavar="PROFILE", help="Hold every call with this profile too, in turns, and compare."
)
@click.option(
    "--fail-over",
    type=click.FloatRange(min=1),
    metavar="RATIO",
    help="Fail where the profile surely takes longer than so many times what --against takes (1.1: a tenth more), or "
    "is surely worse in a rate.",
)
@click.option("--markdown", "markdown_path", type=_FILE, help="Where to write the report as Markdown.")
@click.option("--html", "html_path", type=_FILE, help="Where to write it with pictures, as one HTML file.")
@click.option("--json", "json_path", type=_FILE, help="Where to write all of it, call by call; - prints it.")
@click.option(
    "--plot",
    "plot_path",
    type=_FILE,
    help="Where to draw the latencies' distribution (.svg, .png, .pdf).",
)
@click.option("--seed", default=1, show_default=True, help="Decides who says what, how and when.")
@click.option(
    "--turns",
    "size",
    type=click.IntRange(min=1),
    help="How many calls, from 9 up; without it, all 96 there are.",
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
@click.pass_context
def bench(ctx: click.Context, /, **options: Any) -> int:
    """Hold calls with a simulated user, in real time, and measure them in the recorded audio.

    The user says one thing in each call: plainly, with pauses, fillers or numbers, over noise. In some, a sound
    comes while the agent answers: an interruption, a word of agreement, a cough, the agent's own echo. The
    profile's engines are the real ones; its transport and its greeting are left out. With --against, each call is
    held with both profiles before the next one, and they take turns at going first.

    \b
    voice to voice   last speech sample of the user -> first audible sample of the agent, the end-of-turn wait
                     included; of an answer that follows the whole turn
    cut off          an answer was begun before the user had finished; counted for turns whose pauses are at most
                     0.5 s long, and for all
    speech -> silence  first speech sample of an interruption -> last audible sample of the agent
    heard whole      after a cough, say, the answer went on from the same sample and was heard to its end
    heard text       the words that the agent believes to have been heard before an interruption, against those
                     that the profile's own recogniser finds in the recording

    A full run takes a quarter of an hour for each profile, as calls do; --turns 24 takes four minutes. Leave the
    machine alone meanwhile. Ctrl-C ends it early: what has been measured is printed and written, and marked as partial.

    \b
    Examples:
      voicebot bench --profile local                          what is it like to talk to?
      voicebot bench -p mine.yaml --against local --turns 24 --html run.html
      voicebot bench -p mine.yaml --against local --turns 24 --fail-over 1.1 --markdown run.md
      voicebot bench -p local --only cough --only echo --keep out/
      voicebot bench curve run.json --plot curve.svg          what would other delays have brought?

    Exit code 0: measured; 1: a median is over the profile's budget (any hop's, or voice_to_voice), --fail-over says
    so, or nothing could be measured; 2: it could not be held; 130: stopped.
    """
    return 0 if ctx.invoked_subcommand is not None else _bench(**options)


def _bench(
    profile: str | None,
    against: str | None,
    fail_over: float | None,
    markdown_path: Path | None,
    html_path: Path | None,
    json_path: Path | None,
    plot_path: Path | None,
    seed: int,
    size: int | None,
    keep: Path | None,
    kinds: tuple[str, ...],
    no_budget: bool,
    quiet: bool,
) -> int:
    if profile is None:
        raise click.UsageError("Missing option '--profile' / '-p'.")
    if fail_over is not None and against is None:
        raise click.UsageError("--fail-over needs a profile to compare with: --against.")
    from voicebot.cli.calm import calm_engine_libraries

    calm_engine_libraries()
    from voicebot.bench.comparing import LATENCIES
    from voicebot.bench.contestant import build_contestants, recordings_folder
    from voicebot.bench.corpus import build_scenarios
    from voicebot.bench.ear import build_ear
    from voicebot.bench.keeping import keep_call
    from voicebot.bench.memory import engines_mb
    from voicebot.bench.plot import check_plot, need_matplotlib, plot_latency
    from voicebot.bench.progress import BenchProgress
    from voicebot.bench.report import as_dict, lines
    from voicebot.bench.runner import hold_scenarios
    from voicebot.errors import VoicebotError
    from voicebot.models import ModelStore
    from voicebot.report import process_usage
    from voicebot.watchdog import run
    from voicebot.wav import check_writable

    if plot_path is not None:
        check_plot(plot_path)
    if html_path is not None:
        need_matplotlib()
    to_stdout = json_path is not None and str(json_path) == "-"
    for path in (None if to_stdout else json_path, markdown_path, html_path):
        if path is not None:
            check_writable(path)
    names = [name for name in (profile, against) if name is not None]
    contestants = build_contestants(names)
    deadline_s = max(contestant.settings.deadlines.warmup_s for contestant in contestants)
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
        # Before they are loaded here, so that nothing else is in the way.
        memory_mb = [engines_mb(name, deadline_s) for name in names] if against is not None else []

        def held(contestant: Contestant, result: TurnResult, record: CallRecord) -> None:
            progress.held(contestant, result)
            if keep is not None:
                keep_call(keep, contestant.name, result, record)

        stopped, failure = False, None
        interrupts = any(scenario.barge and scenario.barge.kind == "interruption" for scenario in scenarios)
        try:
            run(
                hold_scenarios(
                    contestants, scenarios, ear=build_ear(profile) if interrupts else None, on_result=held
                ),
                blocked_after_s=deadline_s + 5,
            )
        except KeyboardInterrupt:
            stopped = True
        except VoicebotError as error:
            # What was measured before is worth writing.
            if not contestants[0].results:
                raise
            failure = error
    budget = contestants[0].settings.budget
    limits = {name: limit for name in LATENCIES if (limit := getattr(budget, name)) is not None}
    report = as_dict(
        {contestant.name: contestant.results for contestant in contestants},
        seed=seed,
        budget_ms={} if no_budget else limits,
        planned=len(scenarios),
        peak_rss_mb=process_usage()["peak_rss_mb"],
        memory_mb=memory_mb,
        fail_over=fail_over,
    )
    if to_stdout:
        click.echo(_as_json(report))
    else:
        click.echo("\n".join(lines(report)))
    _write_reports(report, None if to_stdout else json_path, markdown_path, html_path)
    if plot_path is not None:
        plot_latency(plot_path, report)
    if failure is not None:
        raise failure
    if stopped:
        return INTERRUPTED
    return BREACH if report["verdict"]["breaches"] else 0


bench.add_command(curve)
# What it was called before profiles could be compared.
bench.add_command(click.Command("turns", params=bench.params, callback=_bench, help=bench.help, hidden=True))


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


def _as_json(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)


def _write_reports(
    report: dict[str, Any], json_path: Path | None, markdown_path: Path | None, html_path: Path | None
) -> None:
    if json_path is not None:
        write_text(json_path, _as_json(report))
    if markdown_path is not None:
        from voicebot.bench.markdown import as_markdown

        write_text(markdown_path, as_markdown(report))
    if html_path is not None:
        from voicebot.bench.webpage import as_html

        write_text(html_path, as_html(report))
