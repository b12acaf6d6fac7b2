"""The sample clock of outgoing packets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.pacing import LEAD_MS, Pacer

PTIME_S = 0.020


def test_the_first_packets_go_at_once_and_the_rest_a_lead_ahead() -> None:
    pacer = Pacer(lead_ms=60)
    assert pacer.playout_end_s == -math.inf
    due, played = [], []
    for _ in range(6):
        due.append(pacer.send_at(100.0))
        played.append(pacer.sent())
    assert played == [pytest.approx(100 + k * PTIME_S) for k in range(6)]
    assert due == [pytest.approx(at - 0.060) for at in played]
    assert pacer.playout_end_s == pytest.approx(100.12)


def test_audio_that_has_run_dry_begins_anew() -> None:
    pacer = Pacer()
    pacer.send_at(1.0)
    pacer.sent()
    assert pacer.send_at(5.0) <= 5.0
    assert pacer.sent() == 5.0


def test_a_restart_begins_anew_while_there_is_audio() -> None:
    pacer = Pacer()
    for _ in range(4):
        pacer.send_at(1.0)
        pacer.sent()
    pacer.restart()
    assert pacer.playout_end_s == -math.inf
    pacer.send_at(1.001)
    assert pacer.sent() == 1.001


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=60), st.integers(0, 100))
def test_playout_follows_the_sample_clock_however_late_the_sender(
    delays_s: list[float], lead_ms: int
) -> None:
    """`delays_s`: how much later than it may each packet is ready."""
    pacer = Pacer(lead_ms)
    now_s, spurt_s, count = 10.0, -math.inf, 0
    for delay_s in delays_s:
        now_s += delay_s
        end_s = spurt_s + count * PTIME_S
        due_s = pacer.send_at(now_s)
        if now_s > end_s + 1e-9:
            spurt_s, count = now_s, 0
        assert due_s == pytest.approx(spurt_s + count * PTIME_S - lead_ms / 1000)
        now_s = max(now_s, due_s)
        played_s = pacer.sent()
        assert played_s == pytest.approx(spurt_s + count * PTIME_S)
        count += 1
        # Never played before it was there, never sent further ahead than the lead.
        assert -1e-9 <= played_s - now_s <= lead_ms / 1000 + 1e-9
        assert pacer.playout_end_s == pytest.approx(played_s + PTIME_S)


def test_the_lead_is_a_few_packets() -> None:
    assert PTIME_S * 1000 <= LEAD_MS <= 200
