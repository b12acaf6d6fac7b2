"""The governor of speculation: a minute's waste, and the machine's headroom."""

from __future__ import annotations

import asyncio
from collections import namedtuple

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.headroom import INTERVAL_S, watch_idle
from voicebot.settings import SpeculationSettings
from voicebot.speculating import Governor, Waste
from voicebot.testing import run_virtual


def governor(**settings: float) -> Governor:
    return Governor(SpeculationSettings.model_validate(settings))


def test_it_allows_until_a_limit_is_reached_and_again_a_minute_later() -> None:
    for waste in (Waste(10, tokens=100, cpu_s=0), Waste(10, tokens=0, cpu_s=5)):
        watched = governor(max_tokens_per_minute=100, max_cpu_s_per_minute=5)
        watched.dropped(Waste(0, 1, 0.1))
        assert watched.allows(5)
        watched.dropped(waste)
        assert not watched.allows(10)
        assert not watched.allows(69.9)
        assert watched.allows(70)


def test_a_busy_machine_stops_it_and_an_idle_one_lets_it_go_on() -> None:
    watched = governor(min_idle=0.1)
    watched.measured(0.05)
    assert not watched.allows(0)
    watched.measured(0.1)
    assert watched.allows(0)


def test_switched_off_it_never_allows() -> None:
    assert not governor(enabled=False).allows(0)


def test_a_limit_of_nothing_still_lets_the_first_one_find_out() -> None:
    watched = governor(max_tokens_per_minute=0)
    assert watched.allows(0)
    watched.dropped(Waste(0, 1, 0))
    assert not watched.allows(1)


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 50), st.floats(0, 2)), max_size=60))
def test_no_minute_costs_more_than_its_limit_and_one_answer(
    steps: list[tuple[float, int, float]],
) -> None:
    watched, now, spent = governor(max_tokens_per_minute=100), 0.0, list[Waste]()
    for passed, tokens, cpu_s in steps:
        now += passed
        if watched.allows(now):
            waste = Waste(now, tokens, cpu_s)
            watched.dropped(waste)
            spent.append(waste)
    for first in spent:
        minute = [w for w in spent if first.at_s <= w.at_s < first.at_s + 60]
        assert sum(w.tokens for w in minute[:-1]) < 100 or len(minute) == 1


def test_idle_cpu_is_measured_over_each_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    Times = namedtuple("Times", "user idle")
    clock = iter([Times(0, 0), Times(1.0, 3.0), Times(5.0, 3.0), Times(5.0, 3.0), Times(5.0, 7.0)])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(clock))
    seen: list[float] = []

    async def watch() -> None:
        task = asyncio.create_task(watch_idle(seen.append))
        await asyncio.sleep(INTERVAL_S * 4.5)
        task.cancel()
        await asyncio.wait([task])

    run_virtual(watch())
    assert seen == [0.75, 0.0, 1.0]
