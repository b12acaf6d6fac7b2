"""What a process holds: nothing of it may be left when a call is over."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

__all__ = ["Holding", "fill_executor", "more_than"]

_POOL = "pool of the loop"
_POOL_SIZE = 8
_PATIENCE_S = 3.0


@dataclass(frozen=True)
class Holding:
    """By name, how many of each."""

    counts: Counter[str]

    @classmethod
    def now(cls, but_port: int) -> Holding:
        """At this moment; but for connections to this port, which are no call's."""
        process = psutil.Process()
        counts = Counter(f"task {task.get_name()}" for task in asyncio.all_tasks())
        counts.update(f"thread {thread.name}" for thread in threading.enumerate())
        counts.update(f"child {child.name()}" for child in process.children(recursive=True))
        sockets = process.net_connections(kind="inet")
        kept = sum(1 for socket in sockets if socket.raddr and socket.raddr.port == but_port)
        counts["sockets"] = len(sockets) - kept
        counts["file descriptors"] = process.num_fds() - kept
        counts["native threads"] = process.num_threads()
        return cls(counts)


def fill_executor() -> None:
    """Let the loop's pool have all its threads now: it makes them one by one, and keeps them."""
    executor = ThreadPoolExecutor(_POOL_SIZE, thread_name_prefix=_POOL)
    gate = threading.Barrier(_POOL_SIZE + 1)
    for _ in range(_POOL_SIZE):
        executor.submit(gate.wait)
    gate.wait()
    asyncio.get_running_loop().set_default_executor(executor)


async def more_than(before: Holding, but_port: int) -> list[str]:
    """What is held beyond that, once closing connections have had their time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_S
    while True:
        gc.collect()
        left = Holding.now(but_port).counts - before.counts
        if not left or loop.time() > until:
            return [f"{count} x {name}" for name, count in sorted(left.items())]
        await asyncio.sleep(0.05)
