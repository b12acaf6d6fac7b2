from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicebot_transport_wav.timeline import Timeline


def ones(count: int, value: int = 1) -> np.ndarray:
    return np.full(count, value, np.int16)


def test_packets_follow_each_other_and_gaps_are_silent() -> None:
    timeline = Timeline()
    timeline.send(ones(3, 1), now=2)
    timeline.send(ones(3, 2), now=4)  # the first is still playing
    timeline.send(ones(2, 3), now=10)
    assert timeline.render(14).tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 3, 3, 0, 0]


def test_cancel_erases_what_lies_ahead_and_cuts_the_packet_being_heard() -> None:
    timeline = Timeline()
    for value in (1, 2, 3):
        timeline.send(ones(4, value), now=0)
    timeline.cancel(now=6)
    assert timeline.heard(now=6) == 6
    assert timeline.heard(now=100) == 6
    timeline.send(ones(2, 9), now=7)
    assert timeline.render(0).tolist() == [1, 1, 1, 1, 2, 2, 0, 9, 9]


def test_cancel_with_nothing_ahead_changes_nothing() -> None:
    timeline = Timeline()
    timeline.cancel(now=0)
    timeline.send(ones(4), now=0)
    timeline.cancel(now=50)
    assert timeline.heard(now=50) == 4
    assert timeline.render(0).tolist() == [1, 1, 1, 1]


def test_the_caller_may_reuse_its_buffer() -> None:
    timeline = Timeline()
    buffer = ones(2, 5)
    timeline.send(buffer, now=0)
    buffer[:] = 7
    assert timeline.render(0).tolist() == [5, 5]


@given(
    st.lists(
        st.tuples(st.sampled_from(["send", "send", "cancel"]), st.integers(0, 5), st.integers(0, 4)),
        max_size=30,
    )
)
def test_it_equals_a_listener_with_one_sample_at_a_time(steps: list[tuple[str, int, int]]) -> None:
    """The model: a queue of samples that a speaker takes one by one."""
    timeline = Timeline()
    now, value = 0, 0
    waiting: list[int] = []
    played: list[int] = []
    for what, pause, size in steps:
        played += [waiting.pop(0) if waiting else 0 for _ in range(pause)]
        now += pause
        if what == "send":
            value += 1
            waiting += [value] * size
            timeline.send(ones(size, value), now)
        else:
            waiting = []
            timeline.cancel(now)
        assert timeline.heard(now) == np.count_nonzero(played)
    rendered = timeline.render(now).tolist()
    assert rendered[: len(played)] == played
    assert rendered[len(played) :] == waiting
