"""One monotonic clock: the event loop's `time()`, and a loop on which that clock skips the waiting.

All of voicebot reads time from `asyncio.get_running_loop().time()` and waits through the loop, so the loop decides
what a second is. `VirtualClockLoop` is used by the tests and by `voicebot call --fast`.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

__all__ = ["VirtualClockLoop", "cpu_s", "now"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def now() -> float:
    """Seconds on the running loop's clock."""
    return asyncio.get_running_loop().time()


def cpu_s() -> float:
    """CPU seconds that this process has used; what a replay's loop says that it had used, in a replay."""
    loop = asyncio.get_running_loop()
    return loop.cpu_s() if isinstance(loop, VirtualClockLoop) else time.process_time()


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing is running.

    While a thread started through `run_in_executor` or `asyncio.to_thread` works, or a socket is open, the clock
    goes at the pace of the real one: an engine's time counts, only idle waiting is skipped. With neither, a run is
    deterministic. The idea of jumping when all tasks wait is trio's `MockClock(autojump_threshold=0)`.

    Use it as `asyncio.Runner(loop_factory=VirtualClockLoop)`.
    """

    def __init__(self) -> None:
        self._virtual_time = 0.0
        self._busy_jobs = 0
        super().__init__(_SkippingSelector(self))

    def time(self) -> float:
        """Seconds of virtual time since the loop was made."""
        return self._virtual_time

    def advance(self, seconds: float) -> None:
        """Move the clock forward (the selector does)."""
        self._virtual_time += seconds

    def cpu_s(self) -> float:
        """CPU seconds that the process has used: that is no virtual time."""
        return time.process_time()

    @property
    def threads_are_busy(self) -> bool:
        return self._busy_jobs > 0

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        # Counted until the loop knows the result: the clock must not jump between a thread's end and its result's
        # arrival. A cancelled job's thread may still run, but its time no longer matters to anyone who waits.
        self._busy_jobs += 1
        future.add_done_callback(self._job_done)
        return future

    def _job_done(self, _: asyncio.Future[Any]) -> None:
        self._busy_jobs -= 1


class _SkippingSelector(selectors.BaseSelector):
    """Replaces waiting for a timer by moving the loop's clock."""

    def __init__(self, loop: VirtualClockLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()
        self._real_since: float | None = None
        """Up to when real time has been counted, while it counts."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._real_since is not None:
            # What the loop itself did since has taken time too.
            passed = self._count_real_time()
            timeout = None if timeout is None else max(0.0, timeout - passed)
        # One registered descriptor is the loop's own wake-up pipe.
        real_time = self._loop.threads_are_busy or len(self._real.get_map()) > 1
        if real_time or timeout is None:
            self._real_since = time.monotonic()
            ready = self._real.select(timeout)
            self._count_real_time()
        else:
            ready = self._real.select(0)
            if not ready and timeout > 0:
                self._loop.advance(timeout)
        if not real_time:
            self._real_since = None
        return ready

    def _count_real_time(self) -> float:
        """Move the clock by what has passed since this was last called."""
        assert self._real_since is not None
        now = time.monotonic()
        passed, self._real_since = now - self._real_since, now
        self._loop.advance(passed)
        return passed

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.get_key(fileobj)

    def close(self) -> None:
        self._real.close()
