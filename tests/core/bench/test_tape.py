from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicebot.bench.tape import Tape


def ramp(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.int16)


def test_packets_play_one_after_another_and_a_late_one_at_once() -> None:
    tape = Tape()
    tape.begin(1)
    tape.send(ramp(1000, 10), 5)
    tape.send(ramp(1010, 10), 6)
    tape.send(ramp(1020, 10), 40)
    assert (
        tape.played(0, 55).tolist()
        == [0] * 5 + list(range(1000, 1020)) + [0] * 15 + list(range(1020, 1030)) + [0] * 5
    )
    assert tape.gaps(1, 100) == [(25, 40)]
    assert tape.heard(30) == 20
    assert tape.heard(45) == 25
    assert tape.end == 50


def test_what_was_taken_back_is_not_heard_and_later_audio_follows_the_cut() -> None:
    tape = Tape()
    tape.begin(1)
    tape.send(ramp(1000, 10), 0)
    tape.send(ramp(1010, 10), 0)
    tape.cancel(13)
    assert tape.heard(13) == 13
    assert tape.cuts[0].dropped.tolist() == list(range(1013, 1020))
    tape.send(ramp(1013, 7), 30)
    assert tape.audio(1, 99).tolist() == list(range(1000, 1020))
    assert tape.resumed_at(tape.cuts[0]) == 0


def test_lost_and_repeated_samples_are_counted() -> None:
    for begin, expected in ((1513, 0), (1593, 80), (1433, -80)):
        tape = Tape()
        tape.begin(1)
        tape.send(ramp(1000, 600), 0)
        tape.send(ramp(1600, 400), 0)
        tape.cancel(513)
        tape.send(ramp(begin, 2000 - begin), 3000)
        assert tape.resumed_at(tape.cuts[0]) == expected


def test_a_packet_heard_in_part_may_come_again_with_that_part_blanked() -> None:
    tape = Tape()
    tape.begin(1)
    tape.send(ramp(1000, 640), 0)
    tape.cancel(420)
    tape.send(np.concatenate([np.zeros(100, np.int16), ramp(1420, 220)]), 3000)
    assert tape.resumed_at(tape.cuts[0]) == 0
    tape.cancel(3150)
    tape.send(ramp(1490, 150), 5000)
    assert tape.resumed_at(tape.cuts[1]) == 20


def test_an_answer_that_did_not_go_on_has_no_place_where_it_did() -> None:
    tape = Tape()
    tape.begin(1)
    tape.send(ramp(1000, 600), 0)
    tape.cancel(513)
    tape.begin(2)
    tape.send(ramp(1513, 87), 900)
    assert tape.resumed_at(tape.cuts[0]) is None


def test_audible_samples_are_found_to_the_sample_and_by_turn() -> None:
    tape = Tape()
    quiet, loud = np.full(10, 300, np.int16), np.full(10, -5000, np.int16)
    tape.begin(1)
    tape.send(np.concatenate([quiet, loud]), 0)
    tape.begin(2)
    tape.send(np.concatenate([loud, quiet]), 100)
    assert tape.first_audible(1, 10) is None
    assert tape.first_audible(1, 11) == 10
    assert tape.last_audible(1, 200) == 19
    assert tape.last_audible(1, 15) == 14
    assert tape.first_audible(2, 200) == 100
    assert tape.last_audible(2, 200) == 109


@given(
    st.lists(
        st.tuples(st.sampled_from(["send", "cancel"]), st.integers(0, 50), st.integers(0, 40)), max_size=30
    )
)
def test_every_sample_is_heard_or_taken_back(steps: list[tuple[str, int, int]]) -> None:
    tape, now, sent = Tape(), 0, 0
    tape.begin(1)
    for what, wait, count in steps:
        now += wait
        if what == "send":
            tape.send(np.full(count, 7, np.int16), now)
            sent += count
        else:
            before = tape.played(0, now)
            tape.cancel(now)
            assert np.array_equal(tape.played(0, now), before)
            assert tape.end <= now
    late = now + 10_000
    dropped = sum(len(cut.dropped) for cut in tape.cuts)
    assert (
        tape.heard(late)
        == sent - dropped
        == int(np.count_nonzero(tape.played(0, late)))
        == len(tape.audio(1, late))
    )
