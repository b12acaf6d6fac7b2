"""What was measured with so many calls at once, and whether that is too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from voicebot.bench.summary import percentile, rate

__all__ = ["SLOWER", "Step", "Talked", "Turn", "parse_talked", "suggested"]

SLOWER = 1.5
"""Without a budget: so many times the p90 of a single call is too slow."""
FAULTS = 0.1
"""With a larger share of calls that broke down, or in which no answer came, it is too many."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of a simulated user with the agent."""

    voice_to_voice_ms: float | None
    """None: there was no answer, or it came before the user had finished."""
    fault: str = ""
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Talked:
    """What one process did in a step."""

    turns: list[Turn]
    rss_mb: float


_talked = TypeAdapter(Talked)


def parse_talked(message: dict[str, Any]) -> Talked:
    """
    Raises:
        ValueError: it is none.
    """
    return _talked.validate_python({name: value for name, value in message.items() if name != "type"})


@dataclass(frozen=True, slots=True)
class Step:
    """So many calls at once."""

    talked: Sequence[Talked]
    cpu_percent: float
    """Of the machine, all cores together; whatever else runs on it included."""

    @property
    def calls(self) -> int:
        return len(self.talked)

    @property
    def turns(self) -> list[Turn]:
        return [turn for one in self.talked for turn in one.turns]

    @property
    def median_ms(self) -> float | None:
        return percentile((turn.voice_to_voice_ms for turn in self.turns), 50)

    @property
    def p90_ms(self) -> float | None:
        return percentile((turn.voice_to_voice_ms for turn in self.turns), 90)

    @property
    def rss_mb(self) -> float:
        """Of all processes together; pages that they share are counted once for each."""
        return sum(one.rss_mb for one in self.talked)

    def too_many(self, limit_ms: float | None) -> str:
        """Why these are more calls than this machine holds; "" where they are not.

        Args:
            limit_ms: the longest p90 that is good enough; None: there is nothing to compare with yet.
        """
        faults = rate(bool(turn.fault) for turn in self.turns)
        if faults is None or faults > FAULTS:
            return f"{round(100 * (faults or 1))} % of the calls broke down"
        if self.p90_ms is None:
            return "no answer could be measured"
        if limit_ms is not None and self.p90_ms > limit_ms:
            return f"p90 is over {limit_ms:,.0f} ms"
        return ""

    def as_dict(self, limit_ms: float | None) -> dict[str, Any]:
        """For the report; times in ms, memory in MB."""
        turns = self.turns
        return {
            "calls": self.calls,
            "turns": len(turns),
            "measured": sum(turn.voice_to_voice_ms is not None for turn in turns),
            "voice_to_voice_median_ms": self.median_ms,
            "voice_to_voice_p90_ms": self.p90_ms,
            "cut_off": sum(turn.cut_off for turn in turns),
            "faults": sum(bool(turn.fault) for turn in turns),
            "cpu_percent": self.cpu_percent,
            "rss_mb": round(self.rss_mb),
            "too_many": self.too_many(limit_ms),
        }


def suggested(steps: Sequence[Step], limit_ms: float | None) -> int:
    """How many calls at once to allow: the most before one step was too many; 0 where a single one is."""
    calls = 0
    for step in steps:
        if step.too_many(limit_ms):
            break
        calls = step.calls
    return calls
