from __future__ import annotations

import asyncio

import numpy as np
import pytest
from voicebot.interfaces import TurnContext
from voicebot.testing import context
from voicebot.testing.conformance import EndOfTurnConformance

from voicebot_turn_demo import DemoConfig, DemoTurn


class TestDemo(EndOfTurnConformance):
    def make(self) -> DemoTurn:
        return DemoTurn(DemoConfig(), context())


@pytest.mark.parametrize(
    ("text", "delay_ms"),
    [
        ("What time is it?", 100),
        ("He said “no.” ", 100),
        ("So I was thinking", 900),
        ("Well ...", 900),
        ("", 900),
    ],
)
def test_it_waits_less_after_a_whole_sentence(text: str, delay_ms: int) -> None:
    turn = DemoTurn(DemoConfig(sure_ms=100, unsure_ms=900), context())
    verdict = asyncio.run(turn.predict(TurnContext(np.zeros(0, np.int16), text)))
    assert verdict.delay_ms == delay_ms
