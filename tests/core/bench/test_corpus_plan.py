"""Who says what in which call."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.bench.corpus import material, noises
from voicebot.bench.corpus.plan import COUNTS, FULL_SIZE, SMALLEST, Plan, counts, make_plan
from voicebot.bench.corpus.recordings import PHRASES, PHRASES_WITH_PAUSES, Phrase
from voicebot.bench.corpus.voices import VOICES, Voice
from voicebot.errors import VoicebotError


def kind(one: Plan) -> str:
    return one.kind if one.barge is None else one.barge.kind


def test_the_whole_set_has_so_many_of_each_kind() -> None:
    plans = make_plan(1)
    assert Counter(map(kind, plans)) == COUNTS
    assert sum(one.barge is None for one in plans) == 60
    assert len({one.name for one in plans}) == len(plans) == FULL_SIZE == 96
    # Not one kind after the other.
    assert len({kind(one) for one in plans[:24]}) >= 6


@given(st.integers(SMALLEST, FULL_SIZE))
def test_a_smaller_set_keeps_every_kind_in_proportion(size: int) -> None:
    chosen = counts(size)
    assert sum(chosen.values()) == size
    for name, count in chosen.items():
        assert 1 <= count <= COUNTS[name]
        assert abs(count - 1 - (COUNTS[name] - 1) * (size - SMALLEST) / (FULL_SIZE - SMALLEST)) < 1


@pytest.mark.parametrize("size", [-1, 0, SMALLEST - 1, FULL_SIZE + 1])
def test_a_size_that_cannot_be_had(size: int) -> None:
    with pytest.raises(VoicebotError, match=f"set of {size} calls") as caught:
        make_plan(1, size)
    assert "96" in caught.value.hint


@given(st.integers(0, 2**31))
def test_the_seed_alone_decides(seed: int) -> None:
    assert make_plan(seed) == make_plan(seed)
    assert make_plan(seed) != make_plan(seed + 1)
    small = {one.name: one for one in make_plan(seed, 20)}
    assert small.items() <= {one.name: one for one in make_plan(seed)}.items()


@given(st.integers(0, 2**31))
def test_answers_are_long_where_they_are_spoken_over_and_nowhere_else(seed: int) -> None:
    for one in make_plan(seed):
        long_answer = any(word in one.speech.text.lower() for word in material.LONG_ANSWER_WORDS)
        assert long_answer == (one.barge is not None)


@given(st.integers(0, 2**31))
def test_what_is_varied_stays_in_its_bounds(seed: int) -> None:
    plans = make_plan(seed)
    for one in plans:
        assert -27 <= one.speech.dbfs <= -19
        assert (one.noise is not None) == (one.kind == "noise")
        assert (one.echo_gain_db is not None) == (kind(one) == "echo")
        if one.echo_gain_db is not None:
            assert -30 <= one.echo_gain_db <= -10
            assert 40 <= one.echo_delay_ms <= 250
        elif one.barge is not None:
            assert 0.8 <= one.barge.after_s <= 3.5
        if one.kind == "filler":
            assert 0.3 <= one.speech.gaps_s[0] <= 0.9
    put_in = Counter(gap for one in plans if one.kind == "pause" for gap in one.speech.gaps_s)
    assert set(put_in) == {0.3, 0.5, 0.7, 1.0, 1.5}
    noisy = Counter((one.noise.what, one.noise.snr_db) for one in plans if one.noise)
    assert noisy == {(what, snr): 3 for what in ("babble", "street") for snr in (10, 20)}
    assert {one.barge.cough for one in plans if one.barge and one.barge.cough} == set(noises.COUGHS)


def test_all_voices_and_all_recordings_are_heard() -> None:
    plans = make_plan(1)
    voices = Counter(one.speech.source for one in plans if isinstance(one.speech.source, Voice))
    assert set(voices) == set(VOICES)
    assert sum(isinstance(one.speech.source, Phrase) for one in plans) == 9
    texts = [one.speech.text for one in plans if one.barge is None]
    assert len(set(texts)) == len(texts)


def test_the_lists_are_as_long_as_the_set_needs() -> None:
    lengths = {
        "plain": len(material.PLAIN) + len(PHRASES),
        "pause": len(material.PAUSES) + len(PHRASES_WITH_PAUSES),
        "filler": len(material.FILLERS),
        "numbers": len(material.NUMBERS),
        "noise": len(material.NOISY),
        "interruption": len(material.INTERRUPTIONS),
        "backchannel": len(material.BACKCHANNELS),
    }
    assert lengths.items() <= COUNTS.items()
