"""How a call worker is told that it is to go: no further call, then a last word in the one that is on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["Leaving"]

T = TypeVar("T")


class Leaving:
    """Attributes:
    said: no further call is to be taken.
    on_no_more: called when that is said, where it is set; who sets it makes `unless_told` end.
    on_goodbye: says goodbye in the call that is on, and ends it, where one is on that can.
    """

    def __init__(self) -> None:
        self.said = False
        self.on_no_more: Callable[[], None] | None = None
        self.on_goodbye: Callable[[], None] | None = None
        self._waiting: asyncio.Timeout | None = None

    def no_more(self) -> None:
        """Take no further call."""
        if self.said:
            return
        self.said = True
        if self.on_no_more is not None:
            self.on_no_more()
        elif self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    def goodbye(self) -> None:
        """The call that is on has lasted long enough: end it with a word."""
        self.no_more()
        if self.on_goodbye is not None:
            self.on_goodbye()

    async def unless_told(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do it, and stop at once when no further call is wanted (None), unless `on_no_more` brings about its end."""
        if self.said:
            work.close()
            return None
        scope = asyncio.timeout(None)
        self._waiting = scope
        try:
            # In the same task: what an async generator has entered, the same task must leave.
            async with scope:
                return await work
        except TimeoutError:
            if not scope.expired():
                raise
            return None
        finally:
            self._waiting = None
