"""Whether an answer may be prepared early: what dropped ones have cost, and whether the machine has room.

The limits are a minute's: a sliding window, so that one bad minute costs no more than the next one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from voicebot.settings import SpeculationSettings

__all__ = ["Governor", "Waste"]

WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Waste:
    """What an answer cost that was dropped."""

    at_s: float
    tokens: int
    cpu_s: float


class Governor:
    """Allows speculation while there is headroom (sans-I/O)."""

    def __init__(self, settings: SpeculationSettings) -> None:
        self._settings = settings
        self._wasted: deque[Waste] = deque()
        self._idle = 1.0

    def dropped(self, waste: Waste) -> None:
        """An answer was prepared in vain."""
        self._wasted.append(waste)

    def measured(self, idle: float) -> None:
        """This share of the machine's CPU, 0 to 1, was idle in the last seconds."""
        self._idle = idle

    def allows(self, at_s: float) -> bool:
        """Whether another answer may be begun early now."""
        settings = self._settings
        while self._wasted and self._wasted[0].at_s <= at_s - WINDOW_S:
            self._wasted.popleft()
        return (
            settings.enabled
            and self._idle >= settings.min_idle
            and (
                not self._wasted
                or (
                    sum(waste.tokens for waste in self._wasted) < settings.max_tokens_per_minute
                    and sum(waste.cpu_s for waste in self._wasted) < settings.max_cpu_s_per_minute
                )
            )
        )
