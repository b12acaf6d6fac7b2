"""Calls begin, talk and hang up, again and again: does anything grow, and does a fault reach anyone else?"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from bench.soak.census import Census, census, find
from bench.soak.serving import serving
from bench.soak.talking import Talk, calling, refusal_ms, until_ready
from tests.support.running import Run, children

__all__ = ["cycles", "faults", "over_admission"]

FAULTS = ("call worker", "mediasoup Worker", "SFU")
WORTH_READING = re.compile(r"call worker|rror|Traceback|SFU|arning")
"""Lines of the server that are about itself, and not what somebody said."""
GONE_S = 20.0
"""How soon a page must have been told that its call is gone."""


async def cycles(folder: Path, count: int, *, calls: int = 1, warm: int = 5) -> dict[str, Any]:
    """So many calls in each of so many lines at once, after a few to warm up.

    Returns:
        `before` and `after` (each a `Census` as a dict), `grown` (nothing, where all is well), `rss_grown_mb`,
        `answered_ms` (from each question to its answer), `lines` (what the server printed besides the conversation).
    """
    async with serving(folder, calls) as (run, url), _reading(run) as lines:
        answered: list[float] = []
        await _in_lines(url, warm, calls, [])
        before = await _settled(run, None)
        began_s = time.monotonic()
        await _in_lines(url, count, calls, answered)
        took_s = time.monotonic() - began_s
        after = await _settled(run, before)
    return {
        "calls": count * calls,
        "took_s": round(took_s, 1),
        "before": asdict(before),
        "after": asdict(after),
        "grown": after.more_than(before),
        "rss_grown_mb": round(after.rss_mb - before.rss_mb, 1),
        "answered_ms": _summary(answered),
        "lines": lines,
    }


async def _in_lines(url: str, count: int, lines: int, answered: list[float]) -> None:
    async def line() -> None:
        answered.extend([1000 * await _one(url) for _ in range(count)])

    async with asyncio.TaskGroup() as group:
        for _ in range(lines):
            group.create_task(line())


async def _one(url: str) -> float:
    await until_ready(url)
    async with calling(url) as talk:
        answered_s = await talk.ask()
        reason = await talk.hang_up()
        if reason != "hung_up":
            raise AssertionError(f"the call ended with {reason}")
    return answered_s


async def _settled(run: Run, before: Census | None) -> Census:
    """What is held when a call's remains have had the time to go."""
    now = census(run.pid)
    for _ in range(40):
        await asyncio.sleep(0.25)
        last, now = now, census(run.pid)
        settled = now.more_than(last) == last.more_than(now) == {}
        if settled and (before is None or not now.more_than(before)):
            break
    return now


async def over_admission(folder: Path, *, calls: int = 2, questions: int = 5) -> dict[str, Any]:
    """Twice as many callers as there is room for: what the ones get, and how soon the others are refused."""
    async with serving(folder, calls) as (run, url), _reading(run) as lines, AsyncExitStack() as stack:
        await until_ready(url)
        await _warm(run, calls)
        talks = [await stack.enter_async_context(calling(url))]
        alone = [1000 * await talks[0].ask() for _ in range(questions)]
        while len(talks) < calls:
            await until_ready(url)
            talks.append(await stack.enter_async_context(calling(url)))
        refused: list[tuple[str, float]] = []

        async def knock() -> None:
            while True:
                refused.append(await refusal_ms(url))
                await asyncio.sleep(0.1)

        async def talk(one: Talk) -> list[float]:
            return [1000 * await one.ask() for _ in range(questions)]

        knocking = [asyncio.create_task(knock()) for _ in range(calls)]
        together = await asyncio.gather(*(talk(one) for one in talks))
        for task in knocking:
            task.cancel()
        await asyncio.wait(knocking)
        for one in talks:
            await one.hang_up()
    return {
        "calls": calls,
        "alone_ms": _summary(alone),
        "accepted_ms": _summary([ms for each in together for ms in each]),
        "refused": Counter(code for code, _ in refused),
        "refused_ms": _summary([ms for _, ms in refused]),
        "lines": lines,
    }


async def faults(folder: Path, count: int, seed: int = 1) -> dict[str, Any]:
    """In each round two calls are on and something is killed: at most those that it held are lost.

    Returns:
        `rounds` (a dict for each), `unharmed` (calls that went on), `lost`, `wrong` (rounds in which more, or fewer
        calls were lost than the fault explains, or no call could be had afterwards).
    """
    rng = random.Random(seed)
    async with serving(folder, 2) as (run, url), _reading(run) as lines:
        rounds = [await _round(run, url, rng.choice(FAULTS), rng) for _ in range(count)]
        left = len(children(run.pid))
    return {
        "rounds": rounds,
        "unharmed": sum(each["unharmed"] for each in rounds),
        "lost": sum(each["lost"] for each in rounds),
        "wrong": [each for each in rounds if each["wrong"]],
        "processes": left,
        "lines": lines,
    }


async def _round(run: Run, url: str, fault: str, rng: random.Random) -> dict[str, Any]:
    await _warm(run, 2)
    async with AsyncExitStack() as stack:
        talks = []
        for _ in range(2):
            await until_ready(url)
            talks.append(await stack.enter_async_context(calling(url)))
            await talks[-1].ask()
        part = {"call worker": " worker ", "mediasoup Worker": "mediasoup-worker", "SFU": "src/main.js"}[
            fault
        ]
        victim = rng.choice(find(run.pid, part))
        victim.send_signal(signal.SIGKILL)
        killed_s = time.monotonic()
        ends = [talk.ended for talk in talks]
        await asyncio.wait(ends, timeout=GONE_S, return_when=asyncio.FIRST_COMPLETED)
        told_s = time.monotonic() - killed_s
        await asyncio.wait(ends, timeout=1.0)
        lost = sum(task.done() for task in ends)
        unharmed = 0
        for talk, task in zip(talks, ends, strict=True):
            if not task.done():
                with suppress(TimeoutError):
                    await talk.ask()
                    await talk.hang_up()
                    unharmed += 1
    again_s = time.monotonic()
    await until_ready(url)
    again_s = time.monotonic() - again_s
    with suppress(Exception):
        await _one(url)
        again = True
    # Two mediasoup Workers share the calls out; the SFU holds them all.
    expected = {"call worker": (1,), "mediasoup Worker": (0, 1, 2), "SFU": (2,)}[fault]
    wrong = lost not in expected or lost + unharmed != 2 or not again
    return {
        "fault": fault,
        "lost": lost,
        "unharmed": unharmed,
        "told_s": round(told_s, 2),
        "ready_again_s": round(again_s, 2),
        "wrong": wrong,
    }


async def _warm(run: Run, workers: int) -> None:
    """Wait until there are so many call workers."""
    async with asyncio.timeout(90):
        while len(find(run.pid, " worker ")) < workers:  # noqa: ASYNC110 - processes can only be looked at
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _reading(run: Run) -> AsyncIterator[list[str]]:
    """What the server prints of itself; all is read, all the time."""
    lines: list[str] = []

    async def read() -> None:
        assert run.process.stdout is not None
        while line := (await run.process.stdout.readline()).decode().rstrip():
            if WORTH_READING.search(line):
                lines.append(line)

    task = asyncio.create_task(read())
    try:
        yield lines
    finally:
        task.cancel()
        await asyncio.wait([task])


def _summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {
        "count": len(ordered),
        "median": round(median(ordered), 1),
        "p90": round(ordered[int(0.9 * (len(ordered) - 1))], 1),
        "max": round(ordered[-1], 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak.soak", description=__doc__)
    parser.add_argument("what", choices=("cycles", "faults", "over-admission"))
    parser.add_argument("--count", type=int, default=20, help="cycles of each line, or rounds")
    parser.add_argument(
        "--calls", type=int, default=2, help="calls at once (lines of cycles, room of over-admission)"
    )
    parser.add_argument("--seed", type=int, default=1, help="decides which faults come")
    parser.add_argument("--rss-mb", type=float, default=50.0, help="by how much memory may grow in cycles")
    parser.add_argument("--json", type=Path, help="where to write the result")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vb-") as name:
        folder = Path(name)
        if options.what == "cycles":
            result = asyncio.run(cycles(folder, options.count, calls=options.calls))
            well = not result["grown"] and result["rss_grown_mb"] <= options.rss_mb
        elif options.what == "faults":
            result = asyncio.run(faults(folder, options.count, options.seed))
            well = not result["wrong"]
        else:
            result = asyncio.run(over_admission(folder, calls=options.calls))
            well = set(result["refused"]) == {"busy"}
    text = json.dumps(result, indent=1)
    if options.json is not None:
        options.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
