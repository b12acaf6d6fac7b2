"""Finding the recorded request that a replay's request stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from voicebot.clock import now
from voicebot.errors import EngineError
from voicebot.replaying import lines
from voicebot.replaying.recording import Recording, Request

__all__ = ["Course", "Shelf", "raise_failure"]

A = TypeVar("A", bound=lines.Asked)

MAX_MISSING = 1_000
STOPPED = 1_000.0


class Course:
    """How far a replay is, and what it asked that the recording cannot answer, in order.

    Attributes:
        opened_s: when the microphone was opened, on the loop's clock; as `Recording.opened_s`.
    """

    def __init__(self, recording: Recording) -> None:
        self.missing: list[str] = []
        self.opened_s = 0.0
        self._recording = recording

    def t(self) -> float:
        """Now, on the recording's clock."""
        return now() - self.opened_s + self._recording.opened_s

    def cannot(self, kind: str, what: str) -> EngineError:
        """Note it; returns the error for whoever asked."""
        message = f"there is no recording of {what}"
        if len(self.missing) < MAX_MISSING:
            self.missing.append(f"{kind}: {message}")
        return EngineError(message, hint="The replay took another course than the call.")


class Shelf(Generic[A]):
    """The recorded requests of one engine and one kind, in the order in which they were made.

    Args:
        in_order: whatever is asked, the next one answers: of a redacted recording, content tells nothing.
    """

    def __init__(self, requests: Sequence[Request], kind: type[A], link: int, *, in_order: bool) -> None:
        self._in_order = in_order
        self._free: list[tuple[A, Request]] = [
            (request.asked, request)
            for request in requests
            if isinstance(request.asked, kind) and request.asked.link == link
        ]
        self._taken: list[tuple[A, Request]] = []

    def take(self, far: Callable[[A], float | None], *, again: bool = False) -> Request | None:
        """The nearest request that has not been taken; of several as near, the first.

        Of those that are not the same, one that was stopped comes after all that were answered to their end.

        Args:
            far: how far a request is from what is asked, 0 where it is the same; None where it will not do.
            again: where there is none, one that was taken may answer once more.
        """
        if self._in_order:
            return self._free.pop(0)[1] if self._free else None
        found = _nearest(self._free, far)
        if found is not None:
            self._free.remove(found)
            self._taken.append(found)
        elif again:
            found = _nearest(self._taken, far)
        return None if found is None else found[1]


def _nearest(
    requests: Sequence[tuple[A, Request]], far: Callable[[A], float | None]
) -> tuple[A, Request] | None:
    found: tuple[A, Request] | None = None
    least = float("inf")
    for asked, request in requests:
        distance = far(asked)
        if distance is None:
            continue
        if distance > 0 and request.stopped:
            distance += STOPPED
        if distance < least:
            found, least = (asked, request), distance
    return found


def raise_failure(failure: lines.Failure) -> None:
    """Fail as the engine did.

    Raises:
        EngineError: always.
    """
    raise EngineError(failure.message, retryable=failure.retryable, retry_after_s=failure.retry_after_s)
