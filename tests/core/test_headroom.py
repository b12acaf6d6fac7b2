"""Whether the machine has room for one more call."""

from __future__ import annotations

import pytest

from voicebot.headroom import WINDOW, Headroom


def after(*idle: float, min_idle: float = 0.1) -> Headroom:
    headroom = Headroom(min_idle)
    for share in idle:
        headroom.measured(share)
    return headroom


@pytest.mark.parametrize(
    ("idle", "busy"),
    [
        ([], False),
        ([0.5] * WINDOW, False),
        ([0.05] * WINDOW, True),
        # An answer that takes all cores for a moment is none of it.
        ([0.5, 0.5, 0.0, 0.0, 0.5], False),
        ([0.0], True),
        # It takes a little more to begin again than to go on, and not for ever.
        ([0.05] * WINDOW + [0.12] * WINDOW, True),
        ([0.12] * WINDOW, False),
        ([0.05] * WINDOW + [0.16] * WINDOW, False),
        ([0.05] * WINDOW + [0.16] * WINDOW + [0.12] * WINDOW, False),
        ([0.5] * WINDOW + [0.05] * WINDOW, True),
    ],
)
def test_it_is_the_average_that_counts(idle: list[float], busy: bool) -> None:
    assert bool(after(*idle).obstacle(1)) is busy


def test_the_first_call_may_always_begin() -> None:
    assert after(0.0).obstacle(0) == ""


def test_nothing_is_asked_for_where_nothing_is_needed() -> None:
    assert after(0.0, min_idle=0.0).obstacle(3) == ""


def test_the_reason_has_the_figures() -> None:
    assert after(0.03, 0.05).obstacle(2) == "the machine is busy: 4% of its CPU is idle (pool.min_idle: 0.1)"
    assert after().idle is None
