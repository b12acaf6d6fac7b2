"""Running a coroutine on the virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from voicebot.clock import VirtualClockLoop

__all__ = ["LeakedTasksError", "run_virtual"]

T = TypeVar("T")


class LeakedTasksError(AssertionError):
    """Tasks outlived the coroutine that should have owned them."""


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on a fresh `VirtualClockLoop`: hours pass in milliseconds.

    Raises:
        LeakedTasksError: a task that `main` started still runs when it returns.
    """

    async def watched() -> T:
        result = await main
        left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if left:
            raise LeakedTasksError(f"still running: {', '.join(sorted(left))}")
        return result

    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(watched())
