"""Which call worker is started when: decisions without I/O, taking time as an argument.

Workers are started one after another, because two that warm up at once fight for the machine's cores. One that ends is
replaced after a pause that doubles with every end, from 0.5 to 30 s, and is short again after a worker that lived for a
minute; one that leaves by itself is replaced at once. Nothing is given up while a worker that is warm could be
holding a call: only where there is none, a user's error, or three crashes in a row before being warm, are the end of
it all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CRASHES", "GiveUp", "Restart", "Retire", "SlotState", "WorkerPolicy"]

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
LONG_LIFE_S = 60.0
CRASHES = 3
USER_ERROR = 2


@dataclass(frozen=True, slots=True)
class Restart:
    """Another takes its place."""

    after_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """There will be no calls: everything is stopped."""

    reason: Literal["user_error", "crashes"]


@dataclass(frozen=True, slots=True)
class Retire:
    """It has ended as it should, and none takes its place."""


SlotState = Literal["waiting", "warming", "warm", "leaving", "retired"]
"""leaving: it ends, and wants to be replaced at once."""


@dataclass(slots=True)
class _Slot:
    state: SlotState = "waiting"
    due_s: float = 0.0
    """waiting: when it may be started."""
    started_s: float = 0.0
    pauses: int = 0
    """How often the pause has doubled."""


class WorkerPolicy:
    """One slot a worker, numbered from 0.

    Args:
        replace_finished: also replace a worker that ended with exit code 0, because its transport brings no more calls.
    """

    def __init__(self, workers: int, *, replace_finished: bool) -> None:
        self._slots = [_Slot() for _ in range(workers)]
        self._replace_finished = replace_finished
        self._crashes = 0

    @property
    def done(self) -> bool:
        """Every worker has retired."""
        return all(slot.state == "retired" for slot in self._slots)

    @property
    def states(self) -> list[SlotState]:
        """Of each slot."""
        return [slot.state for slot in self._slots]

    def is_warm(self, number: int) -> bool:
        return self._slots[number].state == "warm"

    def next_start(self, now_s: float) -> int | None:
        """The slot to start a worker in, now."""
        if any(slot.state == "warming" for slot in self._slots):
            return None
        due = [n for n, slot in enumerate(self._slots) if slot.state == "waiting" and slot.due_s <= now_s]
        return min(due, key=lambda n: self._slots[n].due_s, default=None)

    def wake_at(self) -> float | None:
        """When `next_start` is to be asked again, where nothing happens before."""
        if any(slot.state == "warming" for slot in self._slots):
            return None
        return min((slot.due_s for slot in self._slots if slot.state == "waiting"), default=None)

    def started(self, number: int, now_s: float) -> None:
        slot = self._slots[number]
        slot.state, slot.started_s = "warming", now_s

    def warm(self, number: int) -> None:
        self._slots[number].state = "warm"
        self._crashes = 0

    def leaves(self, number: int) -> None:
        """A worker that is warm takes no further call, and ends."""
        if self._slots[number].state == "warm":
            self._slots[number].state = "leaving"

    def ended(self, number: int, exit_code: int, now_s: float) -> Restart | GiveUp | Retire:
        """A worker's process is over; the exit code is negative where a signal ended it."""
        slot = self._slots[number]
        if exit_code == 0 and slot.state == "leaving":
            slot.state, slot.due_s = "waiting", now_s
            return Restart(0.0)
        was_warm = slot.state in ("warm", "leaving")
        if exit_code == 0 and was_warm and not self._replace_finished:
            slot.state = "retired"
            return Retire()
        slot.state = "waiting"
        self._crashes = 0 if was_warm else self._crashes + 1
        if not any(other.state == "warm" for other in self._slots):
            if exit_code == USER_ERROR and not was_warm:
                return GiveUp("user_error")
            if self._crashes >= CRASHES:
                return GiveUp("crashes")
        if now_s - slot.started_s >= LONG_LIFE_S:
            slot.pauses = 0
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**slot.pauses)
        # No further than where the longest pause is reached: the power must not overflow in a year.
        slot.pauses = min(slot.pauses + 1, 10)
        slot.due_s = now_s + pause_s
        return Restart(pause_s)
