"""What recording costs: the same calls with it and without, one after the other."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.soak.census import find
from bench.soak.cycles import one_call
from bench.soak.numbers import summary
from bench.soak.serving import Server, serving
from bench.soak.talking import calling, until_ready

__all__ = ["recording"]

QUESTIONS = 10


async def recording(folder: Path, count: int) -> dict[str, Any]:
    """So many pairs of calls, of ten questions each; which of the two comes first changes from pair to pair.

    Returns:
        `cpu_ms_per_s` (CPU time of the call worker, for each second of a call), `answered_ms` (from a question's last
        packet to the answer's first that can be heard), each `with` and `without`, and the median of the pairs'
        differences as `more`.
    """
    async with AsyncExitStack() as stack:
        servers = {}
        for records in (True, False):
            own = folder / f"{records:d}"
            own.mkdir()
            servers[records] = await stack.enter_async_context(serving(own, 1, records=records))
            await one_call(servers[records].url)
        pairs = []
        for index in range(count):
            order = (True, False) if index % 2 else (False, True)
            pair = {records: await _measured(servers[records]) for records in order}
            pairs.append((pair[True], pair[False]))
    return {
        "calls": 2 * count,
        "cpu_ms_per_s": _compared([(on[0], off[0]) for on, off in pairs]),
        "answered_ms": _compared([(on[1], off[1]) for on, off in pairs]),
    }


async def _measured(server: Server) -> tuple[float, float]:
    """CPU ms per second of a call, and the median of its answers (ms)."""
    await until_ready(server.url)
    (worker,) = find(server.run.pid, " worker ")

    def cpu_s() -> float:
        return sum(worker.cpu_times()[:2])

    async with calling(server.url) as talk:
        began_s, cpu_began_s = time.monotonic(), cpu_s()
        answered_ms = [1000 * await talk.ask() for _ in range(QUESTIONS)]
        await talk.hang_up()
        await asyncio.sleep(1)  # the last page
        return 1000 * (cpu_s() - cpu_began_s) / (time.monotonic() - began_s), median(answered_ms)


def _compared(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "with": summary([on for on, _ in pairs]),
        "without": summary([off for _, off in pairs]),
        "more": round(median(on - off for on, off in pairs), 2),
    }
