"""How many calls are too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.capacity.steps import Step, Talked, Turn, parse_talked, suggested


def step(*calls: list[float | None], faults: int = 0) -> Step:
    talked = [Talked([Turn(ms) for ms in call], 800.0) for call in calls]
    talked[0].turns.extend([Turn(None, "unanswered")] * faults)
    return Step(talked, 50.0)


def test_the_turns_of_all_calls_count_alike() -> None:
    both = step([500, 700, None], [600, 2000])
    assert (both.calls, len(both.turns), both.median_ms, both.rss_mb) == (2, 5, 650.0, 1600.0)
    assert both.p90_ms == 1610.0
    assert both.too_many(1610.0) == ""
    assert both.too_many(1600.0) == "p90 is over 1,600 ms"
    assert both.as_dict(1600.0)["measured"] == 4


def test_calls_that_break_down_are_too_many_however_fast_the_others_are() -> None:
    assert step([500] * 18, faults=2).too_many(900) == ""
    assert step([500] * 17, faults=3).too_many(900) == "15 % of the calls broke down"
    assert step([None], faults=0).too_many(None) == "no answer could be measured"
    assert step([]).too_many(900) == "100 % of the calls broke down"


def test_what_is_suggested_is_the_last_before_the_first_that_is_too_many() -> None:
    steps = [step([500]), step([500], [600]), step([500], [950], [980])]
    assert suggested(steps, 900) == 2
    assert suggested(steps, 990) == 3
    assert suggested(steps, 400) == 0
    assert suggested([], 400) == 0


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner),
    )
)
def test_anything_is_talked_or_a_value_error(value: object) -> None:
    with pytest.raises(ValueError):
        parse_talked({"type": "talked", "turns": value})
