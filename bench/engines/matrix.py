"""The same recorded call through every combination of engines: `python -m bench.engines.matrix`."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from bench.engines import choices
from bench.engines.calls import Outcome, hold, judge, write_profile
from bench.engines.choices import KINDS, Choice, Combination, combinations, missing
from bench.engines.ear import Ear
from bench.engines.page import cell, render
from bench.engines.servers import SERVERS, Running, serving

from voicebot.audio import AudioChunk
from voicebot.errors import VoicebotError
from voicebot.models import ModelStore

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
BASE = ROOT / "configs" / "local.yaml"
"""What the combinations have in common."""


def unavailable(chosen: Sequence[Choice], store: ModelStore) -> dict[Choice, str]:
    """Why some of them cannot be had on this machine."""
    reasons = {}
    for choice in chosen:
        server = SERVERS[choice.server].missing() if choice.server else ""
        if reason := server or missing(choice, store):
            reasons[choice] = reason
    return reasons


def hold_all(
    wanted: Sequence[Combination],
    absent: dict[Choice, str],
    running: Running,
    folder: Path,
    listen: Callable[[AudioChunk], str],
) -> Iterator[dict[str, Any]]:
    """Each call's row."""
    for combination in wanted:
        names: dict[str, str] = {choice.kind: choice.use for choice in combination}
        yield {**names, **asdict(_outcome(combination, absent, running, folder, listen))}


def _outcome(
    combination: Combination,
    absent: dict[Choice, str],
    running: Running,
    folder: Path,
    listen: Callable[[AudioChunk], str],
) -> Outcome:
    for choice in combination:
        if choice in absent:
            return Outcome("not here", f"{choice.kind}: {choice.use}: {absent[choice]}")
        if choice.server in running.failed:
            return Outcome("failed", f"{choice.kind}: {choice.use}: {running.failed[choice.server]}")
    place = folder / "-".join(choice.use for choice in combination)
    place.mkdir(parents=True, exist_ok=True)
    write_profile(place / "agent.yaml", BASE, combination, running.addresses)
    return judge(hold(place / "agent.yaml", place), listen)


def machine() -> str:
    """The machine in a few words, and how busy it was before the first call."""
    models = [
        line.partition(":")[2].strip()
        for line in (Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ())
        if line.startswith("model name")
    ]
    cpu = models[0] if models else platform.machine()
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f}"


def _named(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> list[tuple[str, str]]:
    known = [(choice.kind, choice.use) for choice in choices.CHOICES]
    named = []
    for value in values:
        kind, _, use = value.partition("=")
        if (kind, use) not in known:
            raise click.BadParameter(f"{value!r} is none of {', '.join('='.join(one) for one in known)}")
        named.append((kind, use))
    return named


@click.command()
@click.option(
    "--only",
    multiple=True,
    callback=_named,
    metavar="KIND=NAME",
    help="Only this engine of its kind, as in tts=piper; several times for several.",
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Where all results go."
)
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Where the page goes.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for each call's profile, report and recording.",
)
def main(
    only: list[tuple[str, str]], json_file: Path | None, markdown: Path | None, keep: Path | None
) -> None:
    """Hold the same recorded call with every combination of engines, and say how each went.

    Nothing else may run beside it. It takes about a quarter of an hour on two slow cores.

    Exit code 0: all calls that could be held were ok; 1: one failed, or none could be held; 2: nothing was tried.
    """
    wanted = list(combinations(choices.CHOICES, only))
    chosen = list(dict.fromkeys(choice for combination in wanted for choice in combination))
    store = ModelStore()
    data: dict[str, Any] = {"machine": machine()}
    began = time.monotonic()
    try:
        ear = Ear(store)
    except VoicebotError as error:
        raise click.UsageError(str(error)) from None
    absent = unavailable(chosen, store)
    served = {choice.server: None for choice in chosen if choice.server and choice not in absent}
    rows = []
    with closing(ear), serving(served, store) as running, tempfile.TemporaryDirectory() as temporary:
        for row in hold_all(wanted, absent, running, keep or Path(temporary), ear):
            rows.append(row)
            names = "  ".join(f"{row[kind]:<12}" for kind in KINDS)
            click.echo(f"{len(rows):>3}/{len(wanted)}  {names}  {cell(row)}")
    asking = [(choice.server, choice.kind, choice.use) for choice in chosen if choice.server]
    data["served"] = {
        name: [(kind, use) for server, kind, use in asking if server == name] for name in SERVERS
    }
    data |= {"taken_s": time.monotonic() - began, "calls": rows}
    if json_file is not None:
        json_file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if markdown is not None:
        markdown.write_text(render(data), encoding="utf-8")
    statuses = {row["status"] for row in rows}
    raise SystemExit(0 if "ok" in statuses and "failed" not in statuses else 1)


if __name__ == "__main__":
    main()
