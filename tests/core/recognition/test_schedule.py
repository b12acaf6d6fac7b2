from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.recognition.schedule import InterimSchedule


def test_the_first_interim_waits_for_half_a_second_of_audio() -> None:
    schedule = InterimSchedule(0.3)
    assert schedule.wait(10.0, 0.4) is None
    assert schedule.wait(10.0, 0.5) == 0.0


def test_no_interims_at_zero() -> None:
    assert InterimSchedule(0).wait(10.0, 5.0) is None


def test_never_two_at_once() -> None:
    schedule = InterimSchedule(0.3)
    schedule.start(10.0, 1.0)
    assert schedule.wait(12.0, 3.0) is None
    with pytest.raises(ValueError):
        InterimSchedule(0.3).finish(1.0, 0.0)


def test_fading_speech_waits_neither_for_the_interval_nor_for_an_older_interim() -> None:
    schedule = InterimSchedule(0.3)
    schedule.start(10.0, 1.0)
    assert schedule.wait(10.05, 1.1, faded=True) == 0.0
    schedule.start(10.05, 1.1)
    assert schedule.wait(10.06, 1.2, faded=True) is None  # never three
    schedule.finish(10.1, 10.0)
    schedule.finish(10.2, 10.05)
    assert schedule.wait(10.2, 1.3) == pytest.approx(0.175)  # 0.1 and 0.15 of work, half as much again
    assert schedule.wait(10.2, 1.3, faded=True) == 0.0


def test_what_fading_speech_takes_in_advance_has_an_end() -> None:
    schedule = InterimSchedule(0.3)
    schedule.start(10.0, 1.0)
    schedule.finish(12.0, 10.0)
    assert schedule.wait(12.0, 2.0, faded=True) == pytest.approx(0.4)
    assert schedule.wait(12.0, 2.0) == pytest.approx(1.0)


def test_a_fast_engine_keeps_the_interval_and_a_slow_one_rests() -> None:
    fast, slow = InterimSchedule(0.3), InterimSchedule(0.3)
    fast.start(10.0, 1.0)
    fast.finish(10.1, 10.0)
    assert fast.wait(10.1, 1.1) == pytest.approx(0.2)
    slow.start(10.0, 1.0)
    slow.finish(11.0, 10.0)
    assert slow.wait(11.0, 2.0) == pytest.approx(0.5)


def test_nothing_is_due_without_new_audio() -> None:
    schedule = InterimSchedule(0.3)
    schedule.start(10.0, 1.0)
    schedule.finish(10.1, 10.0)
    assert schedule.wait(20.0, 1.0) is None
    assert schedule.wait(20.0, 1.0, faded=True) is None
    assert schedule.wait(20.0, 1.1) == 0.0


def test_a_final_makes_interims_of_no_more_audio_worthless() -> None:
    schedule = InterimSchedule(0.3)
    schedule.supersede(2.0)
    assert schedule.wait(10.0, 2.0) is None
    assert not schedule.deliverable(2.0)
    assert schedule.wait(10.0, 2.1) == 0.0
    assert schedule.deliverable(2.1)


@given(
    st.lists(st.tuples(st.floats(0.001, 3), st.floats(0, 1), st.booleans()), min_size=5, max_size=30),
    st.booleans(),
)
def test_interims_use_two_thirds_of_the_time_at_most(
    works: list[tuple[float, float, bool]], fades: bool
) -> None:
    schedule = InterimSchedule(0.3)
    now = audio = busy = 0.0
    for work, idle, faded in works:
        audio += 0.5
        wait = schedule.wait(now, audio, faded=faded and fades)
        assert wait is not None
        now += wait + idle
        started = now
        schedule.start(now, audio)
        now += work
        busy += work
        schedule.finish(now, started)
    in_advance = 0.6 if fades else 0.0
    assert busy <= 2 / 3 * (now + works[-1][0] / 2 + in_advance) + 1e-6
