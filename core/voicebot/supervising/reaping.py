"""Call workers that do not do in time what they are to do now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["END_WITHIN_S", "Reaper"]

END_WITHIN_S = 30.0
"""How long a worker may take to put away a call that has ended, to hang one up, or to end when it is to."""


class Reaper:
    """Kills those.

    Args:
        kill: called with the number of a worker, and what it has not done.
    """

    def __init__(self, kill: Callable[[int, str], None]) -> None:
        self._kill = kill
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def expects(self, number: int) -> bool:
        """Whether this worker has something to do in time."""
        return number in self._timers

    def expect(self, number: int, what: str) -> None:
        """It is to do this, in place of whatever it was to do before."""
        self.pardon(number)
        late = f"{what} within {END_WITHIN_S:g} s"
        self._timers[number] = asyncio.get_running_loop().call_later(END_WITHIN_S, self._kill, number, late)

    def pardon(self, number: int) -> None:
        """It has done it, or need not any more."""
        if (timer := self._timers.pop(number, None)) is not None:
            timer.cancel()
