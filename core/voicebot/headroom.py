"""How much of the machine's CPU is idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psutil

__all__ = ["INTERVAL_S", "watch_idle"]

INTERVAL_S = 2.0


async def watch_idle(report: Callable[[float], None]) -> None:
    """Say every `INTERVAL_S` which share of all cores, 0 to 1, was idle in that time; until cancelled."""
    before = psutil.cpu_times()
    while True:
        await asyncio.sleep(INTERVAL_S)
        after = psutil.cpu_times()
        # Steal is what other guests of the host took: no more ours to use than what is busy.
        total = sum(after) - sum(before)
        if total > 0:
            report(min(1.0, max(0.0, (after.idle - before.idle) / total)))
        before = after
