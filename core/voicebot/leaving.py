"""How a call worker is told to end: no further call, a last word in the one that is on, or that one alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from voicebot.events import Limit

__all__ = ["HeldCall", "Leaving"]

T = TypeVar("T")


class HeldCall(Protocol):
    """A call that is on."""

    @property
    def call_id(self) -> str: ...

    def say_goodbye(self, why: Limit = "drain_s") -> None:
        """End it with a word."""
        ...

    def hang_up(self) -> None:
        """End it at once."""
        ...


class Leaving:
    """Attributes:
    said: no further call is to be taken.
    on_no_more: called when that is said, where it is set; who sets it makes `unless_told` end.
    call: the one that is on, where one is.
    """

    def __init__(self) -> None:
        self.said = False
        self.on_no_more: Callable[[], None] | None = None
        self.call: HeldCall | None = None
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
        if self.call is not None:
            self.call.say_goodbye()

    def hang_up(self, call_id: str, *, goodbye: bool) -> None:
        """A person wants this call to end, with a word or at once. It may be over by now, and another one be on."""
        if self.call is None or self.call.call_id != call_id:
            return
        if goodbye:
            self.call.say_goodbye("operator")
        else:
            self.call.hang_up()

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
