"""What follows an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.fallback.policy import WORTH_S, Decision, GiveUp, Limits, Next, Retry, after_error

LIMITS = Limits()
ORDINARY: dict[str, Any] = {
    "retryable": True,
    "timed_out": False,
    "retried": False,
    "wait_s": 0.0,
    "left_s": 10.0,
    "has_next": True,
    "jitter": 0.5,
    "limits": LIMITS,
}


def decide(**changes: Any) -> Decision:
    return after_error(**(ORDINARY | changes))


def test_what_may_pass_is_tried_once_more() -> None:
    assert decide() == Retry(0.2)
    assert decide(has_next=False) == Retry(0.2)
    assert decide(jitter=0) == Retry(0.1)
    assert decide(wait_s=0.25) == Retry(0.45)


@pytest.mark.parametrize(
    "changes",
    [{"retryable": False}, {"retried": True}, {"timed_out": True}, {"wait_s": 0.4}, {"wait_s": 3_600.0}],
)
def test_what_will_not_goes_to_the_next(changes: dict[str, Any]) -> None:
    assert decide(**changes) == Next()


def test_alone_it_is_waited_for_a_little_longer() -> None:
    assert decide(has_next=False, wait_s=1.5) == Retry(1.7)
    assert decide(has_next=False, wait_s=1.9) == GiveUp()
    assert decide(has_next=False, timed_out=True) == Retry(0.2)


def test_without_time_it_is_given_up() -> None:
    assert decide(left_s=0.1) == GiveUp()
    # Enough for another engine, not for a pause and the same.
    assert decide(left_s=0.3) == Next()


@given(
    retryable=st.booleans(),
    timed_out=st.booleans(),
    retried=st.booleans(),
    wait_s=st.floats(0, float("inf")),
    left_s=st.floats(0, 600),
    has_next=st.booleans(),
    jitter=st.floats(0, 1),
)
def test_every_decision_can_be_carried_out(**facts: Any) -> None:
    decision = decide(**facts)
    if isinstance(decision, Retry):
        assert facts["retryable"]
        assert not facts["retried"]
        # Never earlier than the server asks, never too late to be of use.
        assert decision.after_s > facts["wait_s"]
        assert facts["left_s"] - decision.after_s >= WORTH_S
        assert decision.after_s <= (
            LIMITS.longest_wait_s if facts["has_next"] else LIMITS.longest_wait_alone_s
        )
    elif isinstance(decision, Next):
        assert facts["has_next"]
        assert facts["left_s"] >= WORTH_S
    else:
        assert not facts["has_next"] or facts["left_s"] < WORTH_S
