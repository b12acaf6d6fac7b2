"""Calls begin, talk and hang up, again and again: does anything grow?"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, nullcontext
from dataclasses import asdict
from typing import Any

from bench.soak.census import Census, census
from bench.soak.kept import examine
from bench.soak.numbers import summary
from bench.soak.serving import Server
from bench.soak.talking import calling, until_ready

__all__ = ["cycles", "one_call"]

SPARE_THREADS = 2


async def cycles(server: Server, count: int, *, lines: int = 1, warm: int = 5) -> dict[str, Any]:
    """So many calls in each of so many lines at once, after a few to warm up.

    Returns:
        `before` and `after` (each a `Census` as a dict), `grown` (nothing, where all is well), `rss_grown_mb`,
        `answered_ms` (from each question to its answer), `kept` (`Kept` as a dict, of these calls).
    """
    warmed, _ = await _in_lines(server.url, warm, lines)
    before = await _settled(server.run.pid, None)
    began_s = time.monotonic()
    ids, answered_ms = await _in_lines(server.url, count, lines)
    took_s = time.monotonic() - began_s
    after = await _settled(server.run.pid, before)
    kept = await examine(server.kept, dict.fromkeys([*warmed, *ids], "ended"))
    return {
        "calls": count * lines,
        "took_s": round(took_s, 1),
        "before": asdict(before),
        "after": asdict(after),
        "grown": after.more_than(before, spare_threads=SPARE_THREADS),
        "rss_grown_mb": round(after.rss_mb - before.rss_mb, 1),
        "answered_ms": summary(answered_ms),
        "kept": asdict(kept),
    }


async def one_call(url: str, joining: asyncio.Lock | None = None) -> tuple[str, float]:
    """Connect, ask, hear the answer, hang up: the call's id, and how long the answer took (ms).

    Args:
        joining: held by whoever is about to join, so that no two rely on the same call worker.
    """
    async with AsyncExitStack() as stack:
        async with joining or nullcontext():
            await until_ready(url)
            talk = await stack.enter_async_context(calling(url))
        answered_s = await talk.ask()
        reason = await talk.hang_up()
        if reason != "hung_up":
            raise AssertionError(f"the call ended with {reason}")
        return talk.id, 1000 * answered_s


async def _in_lines(url: str, count: int, lines: int) -> tuple[list[str], list[float]]:
    """The ids, and how long the answers took (ms)."""
    calls: list[tuple[str, float]] = []
    joining = asyncio.Lock()

    async def line() -> None:
        calls.extend([await one_call(url, joining) for _ in range(count)])

    async with asyncio.TaskGroup() as group:
        for _ in range(lines):
            group.create_task(line())
    return [name for name, _ in calls], [ms for _, ms in calls]


async def _settled(pid: int, before: Census | None) -> Census:
    """What is held when a call's remains have had the time to go."""
    now = census(pid)
    for _ in range(40):
        await asyncio.sleep(0.25)
        last, now = now, census(pid)
        settled = now.more_than(last) == last.more_than(now) == {}
        if settled and (before is None or not now.more_than(before, spare_threads=SPARE_THREADS)):
            break
    return now
