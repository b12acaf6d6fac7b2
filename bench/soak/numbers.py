from __future__ import annotations

from collections.abc import Sequence
from statistics import median

__all__ = ["summary"]


def summary(values: Sequence[float]) -> dict[str, float]:
    """How many there are, their median, nine tenths' bound, and the greatest; nothing of nothing."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {
        "count": len(ordered),
        "median": round(median(ordered), 1),
        "p90": round(ordered[int(0.9 * (len(ordered) - 1))], 1),
        "max": round(ordered[-1], 1),
    }
