"""When a call worker gives its place to a fresh one."""

from __future__ import annotations

from voicebot.settings import PoolSettings
from voicebot.supervising.turnover import Turnover


def test_by_default_it_stays() -> None:
    turnover = Turnover(PoolSettings())
    assert [turnover.call_over(100_000) for _ in range(1000)] == [None] * 1000


def test_after_so_many_calls_it_goes_without_a_word() -> None:
    turnover = Turnover(PoolSettings(calls_per_worker=3))
    assert [turnover.call_over(100) for _ in range(3)] == [None, None, ""]


def test_over_the_memory_limit_it_says_why() -> None:
    turnover = Turnover(PoolSettings(calls_per_worker=2, max_memory_mb=1500))
    assert turnover.call_over(1500.0) is None
    why = turnover.call_over(1620.4)
    assert why == "it holds 1,620 MB of memory (pool.max_memory_mb: 1,500)"
