from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicebot.language.endings import Ending
from voicebot_turn_smart.config import SmartConfig
from voicebot_turn_smart.policy import judge

SETTINGS = SmartConfig(
    sure=0.8,
    unsure=0.3,
    sure_delay_ms=200,
    likely_delay_ms=300,
    maybe_delay_ms=450,
    unsure_delay_ms=650,
    again_ms=160,
)
ENDINGS: tuple[Ending, ...] = ("complete", "open", "unknown")
probabilities = st.floats(0, 1)


@pytest.mark.parametrize(
    ("probability", "says", "delay_ms", "again_ms"),
    [
        (0.8, "complete", 200, None),
        (0.79, "complete", 300, 160),
        (0.3, "complete", 300, 160),
        (0.29, "complete", 450, 160),
        (0.8, "unknown", 300, 160),
        (0.79, "unknown", 450, 160),
        (0.3, "unknown", 450, 160),
        (0.29, "unknown", 650, 160),
        (0.9, "open", 300, 160),
        (0.1, "open", 650, 160),
    ],
)
def test_verdicts(probability: float, says: Ending, delay_ms: int, again_ms: int | None) -> None:
    verdict = judge(probability, says, SETTINGS)
    assert (verdict.delay_ms, verdict.probability, verdict.again_ms) == (delay_ms, probability, again_ms)


@given(one=probabilities, other=probabilities, says=st.sampled_from(ENDINGS))
def test_a_surer_sound_never_waits_longer(one: float, other: float, says: Ending) -> None:
    low, high = sorted((one, other))
    assert judge(high, says, SETTINGS).delay_ms <= judge(low, says, SETTINGS).delay_ms


@given(probability=probabilities)
def test_whole_words_never_wait_longer_and_open_ones_not_shorter(probability: float) -> None:
    whole, none, unfinished = (judge(probability, s, SETTINGS) for s in ("complete", "unknown", "open"))
    assert whole.delay_ms < none.delay_ms == unfinished.delay_ms


def test_it_need_not_be_asked_again() -> None:
    assert judge(0.1, "unknown", SmartConfig(again_ms=0)).again_ms is None


@pytest.mark.parametrize(
    "settings",
    [
        {"sure": 1.1},
        {"sure": 0.4, "unsure": 0.5},
        {"sure_delay_ms": 500},
        {"likely_delay_ms": 200},
        {"unsure_delay_ms": 100},
        {"again_ms": -1},
        {"threads": 0},
        {"model": ""},
        {"threshold": 0.5},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SmartConfig.model_validate(settings)
