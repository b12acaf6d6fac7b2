"""A turn's bars, out of a report that may be anything."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voicebot.operating.turns import turn_shown

REPORT: dict[str, Any] = {
    "turn": 2,
    "user_text": "my secret",
    "agent_text": "my secret",
    "heard_text": "my secret",
    "ended": "interrupted",
    "voice_to_voice_ms": 700.0,
    "heard_voice_to_voice_ms": 850.0,
    "hops_ms": {"end_of_turn": 300.0, "stt_final": 90.0, "orchestration": 12.0},
    "timeline_ms": {
        "speech_ended": 5000.0,
        "committed": 5300.0,
        "stt_requested": 4950.0,
        "stt_final": 5040.0,
    },
    "budget": {"within": False, "guilty": "end_of_turn", "over_ms": {"end_of_turn": 50.0}},
    "errors": ["my secret"],
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*REPORT, "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_bars_stand_where_the_hops_were() -> None:
    shown = turn_shown(REPORT)
    assert shown == {
        "turn": 2,
        "ended": "interrupted",
        "ms": 700.0,
        "heard_ms": 850.0,
        "over": True,
        "guilty": "end_of_turn",
        "hops": [
            {"hop": "end_of_turn", "start_ms": 0.0, "ms": 300.0, "over": True},
            {"hop": "stt_final", "start_ms": -50.0, "ms": 90.0, "over": False},
        ],
        "rest_ms": 12.0,
    }


def test_a_greeting_has_none() -> None:
    assert turn_shown(REPORT | {"voice_to_voice_ms": None, "timeline_ms": {}}) is None


@given(st.dictionaries(st.sampled_from(sorted(REPORT)), anything))
def test_whatever_is_reported_it_is_finite_and_without_words(changes: dict[str, Any]) -> None:
    shown = turn_shown(REPORT | changes)
    text = json.dumps(shown, allow_nan=False)
    assert "my secret" not in text
    if shown is not None:
        assert math.isfinite(shown["ms"])


@given(anything)
def test_what_is_no_report_is_none(report: Any) -> None:
    json.dumps(turn_shown(report), allow_nan=False)
