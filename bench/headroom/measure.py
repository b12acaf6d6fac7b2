"""What a call's answers are worth on a machine that others use: the reason for `pool.min_idle`.

    python bench/headroom/measure.py --profile local --load 0 --load 0.5 --load 0.9 --minutes 2

Simulated users hold one call after another with a profile's engines, while neighbours (one process a core) compute
for that share of the time, in bursts of 0.1 s on average. At each answer it is noted how much of the machine was idle
in the ten seconds before, which is what calls are admitted by, and how long the answer took. Whatever else runs on the
machine counts among the neighbours.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import click
import psutil

from voicebot.bench.contestant import build_contestant
from voicebot.bench.runner import hold_scenario
from voicebot.bench.scoring import judge
from voicebot.bench.summary import percentile
from voicebot.capacity.talking import users
from voicebot.cli.calm import calm_engine_libraries
from voicebot.clock import now
from voicebot.headroom import INTERVAL_S, WINDOW, Headroom, watch_idle

EDGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.01)
BURST_S = 0.1
NEIGHBOUR = """
import random, sys, time
share = float(sys.argv[1])
while True:
    began = time.monotonic()
    burst = random.expovariate(1 / %g)
    while time.monotonic() - began < burst:
        pass
    time.sleep(burst * (1 - share) / share)
"""


@contextmanager
def neighbours(share: float) -> Iterator[None]:
    """Keep every core busy for that share of the time."""
    count = psutil.cpu_count() or 1 if share else 0
    command = [sys.executable, "-S", "-c", NEIGHBOUR % BURST_S, str(share)]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def measured(
    profile: str, loads: tuple[float, ...], minutes: float
) -> list[tuple[float, float | None]]:
    """Of each answer: the share that was idle, and how long it took (ms); None where there was none."""
    contestant, scenarios = build_contestant(profile), users()
    answers: list[tuple[float, float | None]] = []
    headroom = Headroom(0.0)
    try:
        await contestant.engines.warmup(contestant.settings.deadlines.warmup_s)
        watching = asyncio.create_task(watch_idle(headroom.measured))
        for load in loads:
            with neighbours(load):
                await asyncio.sleep(WINDOW * INTERVAL_S)
                until_s = now() + 60 * minutes
                while now() < until_s:
                    result = judge(await hold_scenario(contestant, scenarios[len(answers) % len(scenarios)]))
                    answers.append((headroom.idle or 0.0, result.voice_to_voice_ms))
                    click.echo(f"load {load:g}: {answers[-1]}", err=True)
        watching.cancel()
    finally:
        await contestant.engines.aclose()
    return answers


@click.command()
@click.option("--profile", default="local", show_default=True)
@click.option(
    "--load", "loads", type=click.FloatRange(0, 1), multiple=True, default=(0.0, 0.5, 0.9), show_default=True
)
@click.option("--minutes", default=2.0, show_default=True, help="For each load.")
@click.option("--json", "file", type=click.Path(path_type=Path))
def main(profile: str, loads: tuple[float, ...], minutes: float, file: Path | None) -> None:
    calm_engine_libraries()
    answers = asyncio.run(measured(profile, loads, minutes))
    if file is not None:
        file.write_text(json.dumps(answers))
    click.echo(f"{'idle':>12}  {'answers':>7}  {'median ms':>9}  {'p90 ms':>7}")
    for low, high in pairwise(EDGES):
        times = [ms for idle, ms in answers if low <= idle < high]
        if times:
            median, p90 = percentile(times, 50), percentile(times, 90)
            shown = "  ".join("-" if ms is None else f"{ms:.0f}" for ms in (median, p90))
            click.echo(f"{low:>5.0%} – {min(high, 1):<4.0%}  {len(times):>7}  {shown}")


if __name__ == "__main__":
    main()
