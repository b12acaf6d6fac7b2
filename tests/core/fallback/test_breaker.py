"""The circuit breaker, second by second."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.fallback import BreakerSettings, CircuitBreaker

SETTINGS = BreakerSettings(failures=3, window_s=60, cooldown_s=5, longest_cooldown_s=40)


def broken(at_s: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker(SETTINGS)
    breaker.failed(at_s, retryable=False)
    return breaker


def test_it_opens_with_enough_failures_in_the_window() -> None:
    breaker = CircuitBreaker(SETTINGS)
    for at_s in (0, 30):
        breaker.failed(at_s)
        assert breaker.state(at_s) == "closed"
        assert breaker.allows(at_s)
    breaker.failed(59)
    assert breaker.state(59) == "open"
    assert not breaker.allows(63.9)
    assert breaker.wait_s(60) == 4
    assert breaker.state(64) == "half_open"
    assert breaker.allows(64)


def test_failures_further_apart_do_not_open_it() -> None:
    breaker = CircuitBreaker(SETTINGS)
    for at_s in range(0, 3_000, 30):
        breaker.failed(at_s)
        assert breaker.state(at_s) == "closed"


def test_one_that_will_not_get_better_opens_it() -> None:
    assert broken().state(0) == "open"


def test_half_open_lets_one_through() -> None:
    breaker = broken()
    assert breaker.allows(5)
    assert breaker.begin()
    assert not breaker.allows(5)
    assert breaker.wait_s(5) == math.inf
    breaker.abandoned(probe=True)
    assert breaker.allows(5)


def test_a_probe_that_succeeds_closes_it_and_forgets() -> None:
    breaker = broken()
    breaker.succeeded(probe=breaker.begin())
    assert breaker.state(5) == "closed"
    assert not breaker.begin()
    # Two more are not enough: what was before counts no more.
    breaker.failed(6)
    breaker.failed(7)
    assert breaker.state(7) == "closed"
    # And the cool-down is the first one again.
    breaker.failed(8)
    assert breaker.wait_s(8) == 5


def test_the_cool_down_grows_to_its_limit() -> None:
    breaker, at_s = broken(), 0.0
    waits = []
    for _ in range(100):
        waits.append(breaker.wait_s(at_s))
        at_s += waits[-1]
        breaker.failed(at_s, probe=breaker.begin())
    assert waits[:5] == [5, 10, 20, 40, 40]
    assert set(waits[3:]) == {40}


def test_the_server_says_when_it_may_be_asked_again() -> None:
    breaker = CircuitBreaker(SETTINGS)
    breaker.failed(0, retry_after_s=12)
    assert breaker.wait_s(0) == breaker.asked_to_wait_s(0) == 12
    assert not breaker.allows(11.9)
    assert breaker.allows(12)
    # That was no opening: the first one lasts as long as ever.
    breaker.failed(12, probe=breaker.begin())
    assert breaker.wait_s(12) == 5


def test_a_longer_wish_outlasts_the_cool_down() -> None:
    breaker = CircuitBreaker(SETTINGS)
    breaker.failed(0, retryable=False, retry_after_s=50)
    assert breaker.wait_s(0) == 50


@pytest.mark.parametrize(
    ("wish", "waits"), [(math.nan, 0), (-3, 0), (0, 0), (None, 0), (math.inf, 3_600), (1e12, 3_600)]
)
def test_strange_wishes(wish: float | None, waits: float) -> None:
    breaker = CircuitBreaker(SETTINGS)
    breaker.failed(0, retry_after_s=wish)
    assert breaker.wait_s(0) == waits


def test_what_was_asked_before_it_opened_changes_little() -> None:
    breaker = CircuitBreaker(SETTINGS)
    earlier, another = breaker.begin(), breaker.begin()
    breaker.failed(1, probe=breaker.begin(), retryable=False)
    breaker.failed(3, probe=earlier)
    assert breaker.wait_s(3) == 3
    breaker.succeeded(probe=another)
    assert breaker.state(3) == "open"


def test_opened_by_hand_it_stays_so_for_a_cool_down() -> None:
    breaker = CircuitBreaker(SETTINGS)
    breaker.open(0)
    breaker.open(1)
    assert breaker.wait_s(1) == 4


def test_two_breakers_are_two() -> None:
    assert broken().state(0) == "open"
    assert CircuitBreaker(SETTINGS).state(0) == "closed"


OUTCOMES = st.sampled_from(["success", "passing", "lasting", "abandoned"])
# No server speaks of less than a millisecond.
SECONDS = st.integers(0, 500_000).map(lambda ms: ms / 1000)
STEPS = st.lists(st.tuples(SECONDS, OUTCOMES, st.none() | SECONDS, st.booleans()), max_size=60)


@given(STEPS)
def test_whatever_happens_it_lets_someone_through_again(
    steps: list[tuple[float, str, float | None, bool]],
) -> None:
    """Requests one after another, some in spite of it: it is never open for longer than it was asked to, or than its
    longest cool-down; before that time it lets nobody through, from then on it does."""
    breaker, at_s, wish_until = CircuitBreaker(SETTINGS), 0.0, 0.0
    for later_s, outcome, wish_s, in_spite in steps:
        at_s += later_s
        if not breaker.allows(at_s) and not in_spite:
            assert breaker.state(at_s) == "open"
            continue
        probe = breaker.begin()
        assert probe == (breaker.state(at_s) != "closed")
        if outcome == "success":
            breaker.succeeded(probe=probe)
            assert breaker.state(at_s) == "closed"
            wish_until = 0.0
        elif outcome == "abandoned":
            breaker.abandoned(probe=probe)
        else:
            breaker.failed(at_s, probe=probe, retryable=outcome == "passing", retry_after_s=wish_s)
            wish_until = max(wish_until, at_s + (wish_s or 0.0))
            assert not breaker.allows(at_s) or (outcome == "passing" and not wish_s and not probe)
        wait_s = breaker.wait_s(at_s)
        assert 0 <= wait_s <= max(40, wish_until - at_s) + 1e-6
        assert breaker.allows(at_s + wait_s + 1e-6)
        assert wait_s == 0 or not breaker.allows(at_s + wait_s * 0.99)
        assert wait_s >= breaker.asked_to_wait_s(at_s) - 1e-6
