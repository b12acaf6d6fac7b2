"""What a handful of calls says of all calls: a number, and the interval in which the true one lies.

Percentile intervals by bootstrap: the calls are drawn again, with replacement, and the number is taken of each draw
(B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Two profiles are compared call by
call on the same scenarios, so a draw is one of pairs: what makes a scenario slow is in both and cancels out. With
few calls these intervals are a little too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST", "LEVEL", "Estimate", "difference", "estimate", "median", "p90", "pooled", "surely"]

LEVEL = 0.95
"""How often an interval holds the true value."""
FEWEST = 5
"""With fewer calls there is no interval: draws of so few say nothing."""
DRAWS = 2000
_SEED = 1

Array = npt.NDArray[np.float64]
Statistic = Callable[[Array], Array]
"""From (…, calls, columns) to (…)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    value: float
    low: float | None
    """None where there are too few calls for an interval."""
    high: float | None
    n: int
    """How many calls, or pairs, it is of."""

    def as_dict(self) -> dict[str, Any]:
        low, high = (None if end is None else round(end, 4) for end in (self.low, self.high))
        return {"value": round(self.value, 4), "low": low, "high": high, "n": self.n}


def estimate(rows: Sequence[Sequence[float]], statistic: Statistic) -> Estimate | None:
    """A number and its interval, the same ones for the same rows; None where there is nothing to take it of.

    Args:
        rows: one for each call.
    """
    if not rows:
        return None
    table = np.asarray(rows, np.float64)
    value = float(statistic(table))
    if not np.isfinite(value):
        return None
    if len(table) < FEWEST:
        return Estimate(value, None, None, len(table))
    draws = np.random.default_rng(_SEED).integers(0, len(table), (DRAWS, len(table)))
    tail = (1 - LEVEL) / 2
    # A draw in which nothing was said has no word error rate.
    low, high = np.nanquantile(statistic(table[draws]), (tail, 1 - tail))
    return Estimate(value, float(low), float(high), len(table))


def median(table: Array) -> Array:
    """Of the first column."""
    found: Array = np.median(table[..., 0], axis=-1)
    return found


def p90(table: Array) -> Array:
    """Of the first column."""
    found: Array = np.percentile(table[..., 0], 90, axis=-1)
    return found


def pooled(table: Array) -> Array:
    """The first column's sum for each unit of the second's: errors a word, CPU seconds a minute."""
    sums = table.sum(axis=-2)
    found: Array = np.divide(
        sums[..., 0], sums[..., 1], out=np.full(sums.shape[:-1], np.nan), where=sums[..., 1] > 0
    )
    return found


def difference(table: Array) -> Array:
    """`pooled` of the first two columns, less that of the next two."""
    return pooled(table[..., :2]) - pooled(table[..., 2:])


def surely(found: Mapping[str, Any] | None) -> int:
    """Of an estimate in a report: 1 where its whole interval is above zero, -1 where below, 0 where neither is sure."""
    if found is None or found["low"] is None:
        return 0
    return int(found["low"] > 0) - int(found["high"] < 0)
