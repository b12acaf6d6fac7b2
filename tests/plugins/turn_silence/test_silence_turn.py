from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicebot.interfaces import ProviderContext, TurnContext
from voicebot.models import ModelStore
from voicebot.plugins import load_plugin
from voicebot_turn_silence import SilenceConfig, SilenceTurn


def provider(**settings: int) -> SilenceTurn:
    return SilenceTurn(SilenceConfig(**settings), ProviderContext(models=ModelStore()))


def test_is_found_by_its_name() -> None:
    assert load_plugin("turn", "silence") is SilenceTurn


@given(text=st.text(), samples=st.integers(0, 2000), delay_ms=st.integers(0, 30_000))
def test_the_same_wait_whatever_was_said(text: str, samples: int, delay_ms: int) -> None:
    turn = provider(delay_ms=delay_ms)
    verdict = asyncio.run(turn.predict(TurnContext(np.zeros(samples, np.int16), text)))
    assert (verdict.delay_ms, verdict.probability) == (delay_ms, None)


def test_waits_400_ms_by_default_and_needs_no_model() -> None:
    verdict = asyncio.run(provider().predict(TurnContext(np.zeros(0, np.int16), "")))
    assert verdict.delay_ms == 400
    assert list(SilenceTurn.required_models(SilenceConfig())) == []


def test_may_be_closed_twice_and_before_warmup() -> None:
    async def run() -> None:
        turn = provider()
        await turn.aclose()
        await turn.warmup()
        await turn.aclose()
        await turn.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("settings", [{"delay_ms": -1}, {"delay": 3}, {"delay_ms": 40_000}])
def test_refuses_wrong_settings(settings: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        SilenceConfig.model_validate(settings)
