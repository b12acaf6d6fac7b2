"""A provider's whole life, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psutil

from voicebot.interfaces import Provider

__all__ = ["Remains", "live"]

P = TypeVar("P", bound=Provider)


@dataclass(slots=True)
class Remains:
    """Of a provider that has lived."""

    tasks: list[str] = field(default_factory=list)
    """Names of those left after `aclose()`."""
    closed_again: Exception | None = None
    """What a second `aclose()` raised."""
    used_again: Exception | None = None
    """What it raised when it was used after that."""
    threads: list[str] = field(default_factory=list)
    """Names; one that Python does not know is "a thread of the engine's own"."""
    descriptors: int = 0


def live(
    make: Callable[[], P],
    use: Callable[[P], Awaitable[object]],
    close: Callable[[P], Awaitable[object]],
    patience_s: float,
) -> Remains:
    """Build, warm up, use and close a provider, on an event loop of its own.

    Another one should have been used before: what the first one loads for good (a library, its pools of threads) is
    no leak.

    Args:
        patience_s: how long tasks and threads may take to end, and descriptors to be closed.
    """
    remains = Remains()
    before = _Counts()
    asyncio.run(_live(make(), use, close, remains, patience_s))
    before.wait_for(patience_s)
    after = _Counts()
    remains.threads = [name for ident, name in after.known.items() if ident not in before.known]
    own = after.threads - before.threads - len(remains.threads)
    remains.threads += ["a thread of the engine's own"] * own
    remains.descriptors = max(0, after.descriptors - before.descriptors)
    return remains


async def _live(
    provider: P,
    use: Callable[[P], Awaitable[object]],
    close: Callable[[P], Awaitable[object]],
    remains: Remains,
    patience_s: float,
) -> None:
    try:
        await provider.warmup()
        await use(provider)
    finally:
        await close(provider)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        _, tasks = await asyncio.wait(tasks, timeout=patience_s)
    remains.tasks = [_name(task) for task in tasks]
    remains.closed_again = await _raised(close(provider))
    remains.used_again = await _raised(use(provider))
    await _raised(close(provider))  # it may have taken something up again


def _name(task: asyncio.Task[Any]) -> str:
    name, coroutine = task.get_name(), task.get_coro()
    return getattr(coroutine, "__qualname__", name) if name.startswith("Task-") else name


async def _raised(work: Awaitable[object]) -> Exception | None:
    try:
        await work
    except Exception as error:
        return error
    return None


class _Counts:
    """What this process has now."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.known = {thread.ident: thread.name for thread in threading.enumerate()}
        self.threads, self.descriptors = self._now()

    def _now(self) -> tuple[int, int]:
        return self._process.num_threads(), self._process.num_fds()

    def wait_for(self, seconds: float) -> None:
        """Until it has no more than it had then, or for so long."""
        until_s = time.monotonic() + seconds
        while True:
            threads, descriptors = self._now()
            if (threads <= self.threads and descriptors <= self.descriptors) or time.monotonic() > until_s:
                return
            gc.collect()
            time.sleep(0.01)
