"""How much of the machine's CPU is idle, and whether that is enough for one more call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import psutil

__all__ = ["INTERVAL_S", "Headroom", "watch_idle"]

INTERVAL_S = 2.0
WINDOW = 5
"""Measurements that count: ten seconds, in which a call is both silent and answered."""
AGAIN = 0.05
"""So much more must be idle for calls to begin again, so that it does not change with every breath."""


class Headroom:
    """Whether the machine has room for one more call (sans-I/O).

    Args:
        min_idle: share of its CPU that must be idle, on average; 0: there is always room.
    """

    def __init__(self, min_idle: float) -> None:
        self._min_idle = min_idle
        self._measured: deque[float] = deque(maxlen=WINDOW)
        self._full = False

    @property
    def idle(self) -> float | None:
        """Share of all cores, 0 to 1, that was idle in the last seconds; None before it has been measured."""
        return sum(self._measured) / len(self._measured) if self._measured else None

    def measured(self, idle: float) -> None:
        """What `watch_idle` says."""
        self._measured.append(idle)
        mean = sum(self._measured) / len(self._measured)
        self._full = mean < self._min_idle + (AGAIN if self._full else 0.0)

    def obstacle(self, calls_on: int) -> str:
        """Why no further call should begin, in one line; "" where one may. The first one always may."""
        if not (self._full and calls_on):
            return ""
        return f"the machine is busy: {self.idle or 0.0:.0%} of its CPU is idle (pool.min_idle: {self._min_idle:g})"


async def watch_idle(report: Callable[[float], None]) -> None:
    """Say every `INTERVAL_S` which share of all cores, 0 to 1, was idle in that time; until cancelled."""
    before = psutil.cpu_times()
    while True:
        await asyncio.sleep(INTERVAL_S)
        after = psutil.cpu_times()
        # Steal is what other guests of the host took: no more ours to use than what is busy.
        # What runs as a guest, Linux' ninth and tenth, is in the first two already.
        total = sum(after[:8]) - sum(before[:8])
        if total > 0:
            report(min(1.0, max(0.0, (after.idle - before.idle) / total)))
        before = after
