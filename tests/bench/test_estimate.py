"""Estimates against what is known of the distributions that they are taken of."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.bench.estimate import (
    FEWEST,
    difference,
    estimate,
    median,
    p90,
    pooled,
    surely,
)


def column(values: np.ndarray) -> list[tuple[float]]:
    return [(float(value),) for value in values]


def test_the_value_is_that_of_the_calls_themselves() -> None:
    values = np.arange(1.0, 12.0)
    found = estimate(column(values), median)
    assert found is not None
    assert (found.value, found.n) == (6.0, 11)
    tail = estimate(column(values), p90)
    assert tail is not None
    assert tail.value == np.percentile(values, 90)


def test_the_interval_holds_the_true_median_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        found = estimate(column(rng.lognormal(6.0, 0.3, 24)), median)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= np.exp(6.0) <= found.high
    # 95 %, less what a percentile interval of 24 calls is too narrow by.
    assert 0.88 <= held / 200 <= 0.99


def test_pairs_find_a_difference_that_is_smaller_than_the_calls_own_spread() -> None:
    rng = np.random.default_rng(7)
    scenario = rng.lognormal(6.0, 0.5, 24)
    ours, theirs = scenario + 30 + rng.normal(0, 5, 24), scenario + rng.normal(0, 5, 24)
    paired = estimate(column(ours - theirs), median)
    alone = estimate(column(ours), median)
    assert paired is not None
    assert alone is not None
    assert paired.value == pytest.approx(30, abs=5)
    assert surely(paired.as_dict()) == 1
    assert alone.low is not None
    assert alone.low < np.median(theirs)


def test_no_difference_is_not_sure_and_a_faster_one_is_below_zero() -> None:
    rng = np.random.default_rng(7)
    nothing = estimate(column(rng.normal(0, 5, 24)), median)
    faster = estimate(column(rng.normal(-30, 5, 24)), median)
    assert nothing is not None
    assert faster is not None
    assert surely(nothing.as_dict()) == 0
    assert surely(faster.as_dict()) == -1
    assert surely(None) == 0


def test_too_few_calls_have_a_value_and_no_interval() -> None:
    found = estimate(column(np.full(FEWEST - 1, 400.0)), median)
    assert found is not None
    assert found.as_dict() == {"value": 400.0, "low": None, "high": None, "n": FEWEST - 1}
    assert surely(found.as_dict()) == 0
    assert estimate([], median) is None


def test_shares_are_pooled_over_the_calls() -> None:
    found = estimate([(1, 10), (0, 0), (3, 10)], pooled)
    assert found is not None
    assert found.value == pytest.approx(0.2)
    # Nothing was said at all: no rate, and no warning.
    assert estimate([(0, 0)] * 9, pooled) is None
    between = estimate([(1, 1, 0, 1)] * 8, difference)
    assert between is not None
    assert (between.value, between.low, between.high) == (1, 1, 1)


def test_draws_without_a_word_are_left_out() -> None:
    found = estimate([(0, 0), (0, 0), (0, 0), (0, 0), (1, 4)], pooled)
    assert found is not None
    assert found.low == found.high == 0.25


def test_the_same_calls_have_the_same_interval() -> None:
    rows = column(np.random.default_rng(3).normal(400, 40, 12))
    assert estimate(rows, median) == estimate(rows, median)
