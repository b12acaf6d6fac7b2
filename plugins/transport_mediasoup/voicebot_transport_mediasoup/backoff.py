from __future__ import annotations

from collections import deque

__all__ = ["Backoff"]


class Backoff:
    """How long to wait before trying again (sans-I/O): twice as long after each failure.

    Failures are forgotten after `within_s`: what ran well for that long starts anew.

    Args:
        limit: this many failures within `within_s` are too many; None: there is no such number.
    """

    def __init__(
        self, *, first_s: float, longest_s: float, limit: int | None = None, within_s: float = 60.0
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._limit = limit
        self._within_s = within_s
        # More than these make no difference: the longest wait has been reached.
        self._failures: deque[float] = deque(maxlen=limit or 32)

    def failed(self, now_s: float) -> float | None:
        """It has failed now. Returns the seconds to wait, or None to give up."""
        self._failures.append(now_s)
        while now_s - self._failures[0] >= self._within_s:
            self._failures.popleft()
        if self._limit is not None and len(self._failures) >= self._limit:
            return None
        return min(self._longest_s, self._first_s * 2.0 ** (len(self._failures) - 1))
