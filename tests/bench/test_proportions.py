"""Shares and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.bench.estimate import Estimate, surely
from voicebot.bench.proportions import share, share_difference


def ends(found: Estimate | None) -> tuple[float, float]:
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_one_share_has_wilson_s_interval() -> None:
    # The textbook's example: 4 of 10.
    assert ends(share([True] * 4 + [False] * 6)) == pytest.approx((0.168, 0.687), abs=0.001)
    assert share([]) is None


def test_what_did_not_happen_in_a_few_calls_may_still_happen() -> None:
    low, high = ends(share([False] * 9))
    assert low == 0
    assert high == pytest.approx(0.299, abs=0.001)
    low, high = ends(share_difference([(False, False)] * 9))
    assert (low, high) == pytest.approx((-0.299, 0.299), abs=0.001)


def test_the_difference_holds_the_true_one_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    held, falsely = 0, 0
    for _ in range(1000):
        # The same calls are hard for both.
        hard = rng.random(24) < 0.3
        ours, theirs = (rng.random(24) < np.where(hard, chance, 0.05) for chance in (0.7, 0.3))
        low, high = ends(share_difference(list(zip(ours.tolist(), theirs.tolist(), strict=True))))
        held += low <= 0.3 * 0.4 <= high
        same = (rng.random(24) < np.where(hard, 0.5, 0.05) for _ in range(2))
        pairs = [(bool(a), bool(b)) for a, b in zip(*same, strict=True)]
        falsely += ends(share_difference(pairs))[0] > 0
    assert 0.93 <= held / 1000 <= 0.99
    assert falsely / 1000 <= 0.03


def test_four_more_of_24_may_be_chance_and_six_are_not() -> None:
    def more(count: int) -> dict[str, float | None]:
        found = share_difference([(True, False)] * count + [(False, False)] * (24 - count))
        assert found is not None
        return found.as_dict()

    assert surely(more(4)) == 0
    assert surely(more(6)) == 1
