"""The event loop of a replay in which nothing but the recording decides what happens when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

from voicebot.clock import VirtualClockLoop

__all__ = ["ReplayLoop"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ReplayLoop(VirtualClockLoop):
    """A virtual clock that nothing real moves: work for threads is done at once, and takes no time.

    Args:
        cpu_s: the CPU seconds that the process had used at a time of the loop's clock.
    """

    def __init__(self, cpu_s: Callable[[float], float]) -> None:
        super().__init__()
        self._cpu_s = cpu_s

    def cpu_s(self) -> float:
        return self._cpu_s(self.time())

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done
