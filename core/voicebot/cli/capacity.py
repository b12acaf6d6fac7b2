"""`voicebot capacity`: how many calls this machine holds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from voicebot.capacity.steps import Step

__all__ = ["capacity"]

NOT_EVEN_ONE = 1
INTERRUPTED = 130
FEW_TURNS = 10
HEADINGS = ("calls", "turns", "median", "p90", "CPU", "memory", "")


@click.command()
@click.option("--profile", "-p", required=True, help="A profile's file, or the bare name of a known one.")
@click.option(
    "--most", default=8, show_default=True, type=click.IntRange(1, 64), help="Stop at so many calls."
)
@click.option(
    "--step", "step_s", default=60.0, show_default=True, type=click.FloatRange(1), help="Seconds for each."
)
@click.option(
    "--limit-ms",
    type=click.FloatRange(min=1),
    help="The longest p90 that is good enough; by default the profile's budget.voice_to_voice, or, without one, 1.5 "
    "times the p90 of a single call.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Where to write the report.")
def capacity(profile: str, most: int, step_s: float, limit_ms: float | None, json_path: Path | None) -> int:
    """Measure how many calls at once this machine holds, and say what to set `calls:` to.

    Simulated users talk to one agent, then to two at once, and so on, a minute each. Each agent is a process with the
    profile's real engines, as a call worker is. It ends when the slowest tenth of the answers takes too long.

    \b
    Not measured: the media server, WebRTC and networks between you and your callers; memory that grows in long calls;
    heat, and neighbours on a rented machine. Leave room for those, and nothing else on the machine while it runs.

    \b
    Examples:
      voicebot capacity --profile local
      voicebot capacity -p prod --most 20 --step 120 --json capacity.json

    Exit code 0: it holds a call or more; 1: not even one within the limit; 2: it could not be measured; 130: stopped.
    """
    from voicebot.bench.contestant import build_contestant
    from voicebot.capacity.measuring import measure
    from voicebot.capacity.steps import suggested
    from voicebot.capacity.talking import users
    from voicebot.cli.calm import calm_engine_libraries
    from voicebot.watchdog import run

    calm_engine_libraries()
    settings = build_contestant(profile).settings
    click.echo("Preparing the simulated users …", err=True)
    users()
    if limit_ms is None:
        limit_ms = settings.budget.voice_to_voice
    done: list[Step] = []

    def on_step(step: Step, limit: float | None) -> None:
        done.append(step)
        cells = _cells(step, limit)
        if len(done) == 1:
            click.echo(_line(HEADINGS))
        click.echo(_line(cells))

    def command(number: int) -> list[str]:
        return [sys.executable, "-P", "-m", "voicebot.capacity.talking", profile, str(number)]

    measuring = measure(
        command,
        most=most,
        step_s=step_s,
        limit_ms=limit_ms,
        warmup_s=settings.deadlines.warmup_s + 30,
        on_step=on_step,
        on_line=lambda line: click.echo(line, err=True),
    )
    try:
        steps, limit_ms = run(measuring)
    except KeyboardInterrupt:
        return INTERRUPTED
    calls = suggested(steps, limit_ms)
    if json_path is not None:
        report = {
            "profile": profile,
            "limit_ms": limit_ms,
            "calls": calls,
            "steps": [each.as_dict(limit_ms) for each in steps],
        }
        json_path.write_text(json.dumps(report, indent=1) + "\n")
    click.echo(_conclusion(calls, steps, limit_ms))
    return 0 if calls else NOT_EVEN_ONE


def _cells(step: Step, limit_ms: float | None) -> tuple[str, ...]:
    return (
        str(step.calls),
        str(len(step.turns)),
        _ms(step.median_ms),
        _ms(step.p90_ms),
        f"{step.cpu_percent:.0f} %",
        f"{step.rss_mb:,.0f} MB",
        step.too_many(limit_ms) or "good",
    )


def _line(cells: tuple[str, ...]) -> str:
    widths = (5, 5, 9, 9, 5, 10, 0)
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _conclusion(calls: int, steps: list[Step], limit_ms: float | None) -> str:
    limit = f"{limit_ms:,.0f} ms" if limit_ms is not None else "what a single call takes"
    if not calls:
        return f"This machine does not hold a single call with p90 within {limit}."
    more = "" if steps[-1].calls > calls else " More were not tried."
    few = min(len(step.turns) for step in steps)
    doubt = (
        f" The shortest step had {few} turn{'' if few == 1 else 's'}: --step 300 is surer."
        if few < FEW_TURNS
        else ""
    )
    return f"Set `calls: {calls}`: so many at once are answered within {limit} (p90).{more}{doubt}"
