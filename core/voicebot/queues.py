"""The one queue of voicebot: bounded, with a stated policy for when it is full, and counters."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Any, Generic, Literal, TypeVar

__all__ = ["BoundedQueue", "QueueClosed", "QueueStatistics"]

T = TypeVar("T")


class QueueClosed(Exception):
    """`put` on a closed queue, or `get` on one that is closed and empty."""


@dataclass(slots=True)
class QueueStatistics:
    capacity: float
    """In the queue's own unit."""
    unit: str
    when_full: str
    high_water: float = 0.0
    """The most it ever held."""
    accepted: int = 0
    """Items put in."""
    dropped: int = 0
    """Items lost because it was full."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class BoundedQueue(Generic[T]):
    """A queue between two tasks of one event loop.

    Args:
        capacity: how much it holds, in `unit`.
        size: how much one item counts for, in `unit`; one each by default.
        when_full: "wait" makes `put` wait for room; "drop_oldest" makes room by dropping from the front.
        on_overflow: called once per burst of drops with the queue's statistics; a burst ends when there is room again.

    An item larger than the capacity is accepted when the queue is empty, so nothing can wait for ever.
    """

    def __init__(
        self,
        name: str,
        capacity: float,
        *,
        unit: str = "items",
        size: Callable[[T], float] = lambda _: 1,
        when_full: Literal["wait", "drop_oldest"] = "wait",
        on_overflow: Callable[[QueueStatistics], None] | None = None,
    ) -> None:
        self.name = name
        self.statistics = QueueStatistics(capacity, unit, when_full)
        self._size = size
        self._items: deque[T] = deque()
        self._held = 0.0
        self._closed = False
        self._in_burst = False
        self._on_overflow = on_overflow
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def held(self) -> float:
        """How much it holds now, in its unit."""
        return self._held

    def _fits(self, item: T) -> bool:
        return not self._items or self._held + self._size(item) <= self.statistics.capacity

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def put(self, item: T) -> None:
        """Add an item, waiting for room where that is the policy.

        Raises:
            QueueClosed: the queue was closed, perhaps while waiting.
        """
        if self.statistics.when_full == "wait":
            while not self._closed and not self._fits(item):
                await self._change()
        self.put_nowait(item)

    def put_nowait(self, item: T) -> None:
        """Add an item at once: for `drop_oldest` queues, and where there is known to be room.

        Raises:
            QueueClosed: the queue is closed.
            asyncio.QueueFull: there is no room, and the policy is to wait.
        """
        if self._closed:
            raise QueueClosed(self.name)
        if self._fits(item):
            self._in_burst = False
        elif self.statistics.when_full == "drop_oldest":
            self._make_room(item)
        else:
            raise asyncio.QueueFull(self.name)
        self._items.append(item)
        self._held += self._size(item)
        self.statistics.accepted += 1
        self.statistics.high_water = max(self.statistics.high_water, self._held)
        self._changed.set()

    def _make_room(self, item: T) -> None:
        while not self._fits(item):
            self._held -= self._size(self._items.popleft())
            self.statistics.dropped += 1
        if not self._in_burst and self._on_overflow is not None:
            self._on_overflow(self.statistics)
        self._in_burst = True

    async def get(self) -> T:
        """Take the oldest item, waiting for one.

        Raises:
            QueueClosed: the queue is closed and empty.
        """
        while not self._items:
            if self._closed:
                raise QueueClosed(self.name)
            await self._change()
        item = self._items.popleft()
        # Sizes may be fractions: an empty queue holds exactly nothing.
        self._held = self._held - self._size(item) if self._items else 0.0
        self._changed.set()
        return item

    def clear(self) -> None:
        """Discard what is inside."""
        self._items.clear()
        self._held = 0.0
        self._changed.set()

    def close(self) -> None:
        """Accept no more; what is inside can still be taken. Twice is fine."""
        self._closed = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[T]:
        try:
            while True:
                yield await self.get()
        except QueueClosed:
            return
