"""A circuit breaker: what keeps failing is left alone for a while (sans-I/O; time is an argument, in seconds).

The pattern is Michael Nygard's ("Release It!", chapter 5).

    closed ── enough failures in the window, or one that will not get better ──> open
    open ── the cool-down is over ──> half open: one request is let through, as a probe
    half open ── the probe succeeds ──> closed
              └─ the probe fails ──> open, for twice as long as before
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

__all__ = ["BreakerSettings", "BreakerState", "CircuitBreaker"]

BreakerState = Literal["closed", "open", "half_open"]

LONGEST_RETRY_AFTER_S = 3_600.0
"""A server that asks for more than this is asked again all the same."""


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    failures: int = 2
    """So many within the window open it."""
    window_s: float = 60.0
    cooldown_s: float = 5.0
    """The first one; each that follows without a success in between lasts twice as long."""
    longest_cooldown_s: float = 120.0


class CircuitBreaker:
    """Every request goes `begin` and then one of `succeeded`, `failed`, `abandoned`, with what `begin` returned."""

    def __init__(self, settings: BreakerSettings | None = None) -> None:
        self._settings = settings or BreakerSettings()
        self._failed_at: deque[float] = deque(maxlen=self._settings.failures)
        self._due_s: float | None = None
        """When it may be asked again; None while closed."""
        self._asked_to_wait_s = -math.inf
        """Until when the server has asked to be left alone."""
        self._openings = 0
        self._probes = 0

    def state(self, at_s: float) -> BreakerState:
        if self._due_s is None:
            return "closed"
        return "open" if at_s < self._due_s else "half_open"

    def allows(self, at_s: float) -> bool:
        """Whether a request may be made now."""
        return self._due_s is None or (at_s >= self._due_s and not self._probes)

    def wait_s(self, at_s: float) -> float:
        """How long until a request may be made; infinite while it depends on a probe."""
        if self._due_s is None:
            return 0.0
        return math.inf if self._probes else max(0.0, self._due_s - at_s)

    def asked_to_wait_s(self, at_s: float) -> float:
        """How long the server has asked to be left alone yet: that holds even where there is nobody else to ask."""
        return max(0.0, self._asked_to_wait_s - at_s)

    def begin(self) -> bool:
        """A request is made: because it is allowed, or because there is nobody else to ask.

        Returns:
            Whether it is a probe.
        """
        probe = self._due_s is not None
        self._probes += probe
        return probe

    def succeeded(self, *, probe: bool) -> None:
        """Of a request from before it opened, a success says nothing of now."""
        self._probes -= probe
        if probe:
            self._due_s = None
            self._asked_to_wait_s = -math.inf
            self._openings = 0
            self._failed_at.clear()

    def failed(
        self, at_s: float, *, probe: bool = False, retryable: bool = True, retry_after_s: float | None = None
    ) -> None:
        """
        Args:
            retryable: whether the error may be another one the next time.
            retry_after_s: what the server asks to wait, where it does: it is asked nothing before that.
        """
        self._probes -= probe
        wait_s = _sane(retry_after_s)
        if wait_s:
            self._asked_to_wait_s = max(self._asked_to_wait_s, at_s + wait_s)
        if self._due_s is not None and not probe:
            self._due_s = max(self._due_s, self._asked_to_wait_s)
            return
        self._failed_at.append(at_s)
        full = len(self._failed_at) == self._settings.failures
        many = full and at_s - self._failed_at[0] < self._settings.window_s
        if probe or many or not retryable:
            self._open(at_s)
        elif wait_s:
            self._due_s = self._asked_to_wait_s

    def open(self, at_s: float) -> None:
        """Leave it alone from here on, whatever the count; nothing changes where it is open."""
        if self._due_s is None:
            self._open(at_s)

    def abandoned(self, *, probe: bool) -> None:
        """The request was cancelled before anything could be told of it."""
        self._probes -= probe

    def _open(self, at_s: float) -> None:
        # Capped before the power, which grows past what a float holds.
        factor = 2.0 ** min(self._openings, 30)
        self._openings += 1
        cooldown_s = min(self._settings.cooldown_s * factor, self._settings.longest_cooldown_s)
        self._due_s = max(at_s + cooldown_s, self._asked_to_wait_s)


def _sane(retry_after_s: float | None) -> float:
    if retry_after_s is None or math.isnan(retry_after_s):
        return 0.0
    return min(max(retry_after_s, 0.0), LONGEST_RETRY_AFTER_S)
