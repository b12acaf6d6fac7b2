"""Shares of calls, and how sure they are. A bootstrap of calls in which nothing happened says that it never will.

One share: E. B. Wilson's score interval (Journal of the American Statistical Association 22, 1927). The difference of
two on the same calls: R. G. Newcombe's, made of both scores and the calls' correlation (Statistics in Medicine 17,
1998, pages 2635-2650, method 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from voicebot.bench.estimate import LEVEL, Estimate

__all__ = ["share", "share_difference"]

_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def share(flags: Sequence[bool]) -> Estimate | None:
    """How many of the calls are true; None of none."""
    if not flags:
        return None
    n = len(flags)
    value = sum(flags) / n
    low, high = _wilson(value, n)
    return Estimate(value, low, high, n)


def share_difference(pairs: Sequence[tuple[bool, bool]]) -> Estimate | None:
    """The share of the first less that of the second, of calls that were held twice."""
    if not pairs:
        return None
    n = len(pairs)
    both, first, second = (pairs.count(kind) for kind in ((True, True), (True, False), (False, True)))
    neither = n - both - first - second
    a, b = (both + first) / n, (both + second) / n
    (a_low, a_high), (b_low, b_high) = _wilson(a, n), _wilson(b, n)
    correlation = _correlation(both, first, second, neither)

    def reach(mine: float, other: float) -> float:
        return sqrt(max(0.0, mine**2 - 2 * correlation * mine * other + other**2))

    value = (first - second) / n
    return Estimate(value, value - reach(a - a_low, b_high - b), value + reach(a_high - a, b - b_low), n)


def _wilson(value: float, n: int) -> tuple[float, float]:
    middle = value + _Z**2 / (2 * n)
    reach = _Z * sqrt(value * (1 - value) / n + _Z**2 / (4 * n**2))
    low, high = ((middle + sign * reach) / (1 + _Z**2 / n) for sign in (-1, 1))
    # Rounding must not make "none at all" a little less than none.
    return min(max(0.0, low), value), max(min(1.0, high), value)


def _correlation(both: int, first: int, second: int, neither: int) -> float:
    sides = (both + first) * (second + neither) * (both + second) * (first + neither)
    if not sides:
        return 0.0
    excess = float(both * neither - first * second)
    if excess > 0:
        # The continuity correction that sets method 10 apart from 8.
        excess = max(0.0, excess - (both + first + second + neither) / 2)
    return excess / sqrt(sides)
