"""Whether anything is at work, seen from outside the engine."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

__all__ = ["Activity"]

_numbers = count()
_BUSY = 0.25
"""Of a core: what this process uses, at least, while an engine computes."""


class Activity:
    """What was begun since this was made.

    Threads that the running loop lends (`asyncio.to_thread`) are seen whatever they do; any others by the processor
    time that this process uses. What another process does is not seen.

    Args:
        window_s: how long the process must rest.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._name = f"conformance {next(_numbers)}:"
        self._pool = ThreadPoolExecutor(thread_name_prefix=self._name)
        asyncio.get_running_loop().set_default_executor(self._pool)

    async def rests(self) -> bool:
        """Whether it rests for a whole window."""
        used_s = time.process_time()
        await asyncio.sleep(self._window_s)
        return time.process_time() - used_s < _BUSY * self._window_s

    async def ends_within(self, seconds: float) -> bool:
        """Whether all ends in that time, which is counted in windows: one that the machine spoils counts once."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        self._pool.shutdown(wait=False)
        for _ in range(math.ceil(seconds / self._window_s)):
            rests = await self.rests()
            if rests and not any(thread.name.startswith(self._name) for thread in threading.enumerate()):
                return True
        return False
