"""From played samples back to heard text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.ledger import LETTERS_PER_S, HeardLedger
from voicebot.speech.spoken import SpokenText, spoken

RATE = 1_000
"""So that a sample is a millisecond."""


def ledger_of(*clauses: tuple[str, int], ended: bool = True) -> HeardLedger:
    ledger = HeardLedger(RATE)
    for text, samples in clauses:
        ledger.begin_clause(SpokenText.of(text, []))
        ledger.add_audio(samples)
    if ended:
        ledger.end_clause()
    return ledger


def test_nothing_played_is_nothing_heard() -> None:
    assert HeardLedger(RATE).heard_text(100) == ""
    assert HeardLedger(RATE).text == ""
    assert ledger_of(("one two", 100)).heard_text(0) == ""


def test_word_times_cut_after_the_word_that_was_begun() -> None:
    ledger = HeardLedger(RATE)
    ledger.begin_clause(SpokenText.of("one two three", []))
    for start_s in (0.0, 0.1, 0.9):
        ledger.add_word(start_s)
    ledger.add_audio(1_000)
    ledger.end_clause()
    assert [ledger.heard_text(n) for n in (0, 1, 100, 101, 900, 901)] == [
        "", "one", "one", "one two", "one two", "one two three",
    ]  # fmt: skip


def test_without_word_times_only_words_in_proportion_that_were_heard_whole() -> None:
    ledger = ledger_of(("aaa bbb ccc", 1_100))
    assert [ledger.heard_text(n) for n in (299, 300, 699, 700, 1_099, 1_100)] == [
        "", "aaa", "aaa", "aaa bbb", "aaa bbb", "aaa bbb ccc",
    ]  # fmt: skip


def test_word_times_that_do_not_match_the_words_are_not_used() -> None:
    ledger = HeardLedger(RATE)
    ledger.begin_clause(SpokenText.of("aaa bbb", []))
    ledger.add_word(0.0)
    ledger.add_audio(700)
    ledger.end_clause()
    assert ledger.heard_text(299) == ""
    assert ledger.heard_text(300) == "aaa"


def test_clauses_before_the_cut_are_whole() -> None:
    ledger = ledger_of(("First one.", 500), ("Second one.", 1_100))
    assert ledger.text == "First one. Second one."
    assert ledger.samples == 1_600
    assert ledger.clause_text(1) == "Second one."
    assert ledger.heard_text(500) == "First one."
    assert ledger.heard_text(501) == "First one."
    assert ledger.heard_text(1_200) == "First one. Second"
    assert ledger.heard_text(1_600) == ledger.text


def test_a_pause_after_a_clause_is_no_part_of_its_speech() -> None:
    ledger = ledger_of(("aaa bbb", 700))
    ledger.add_audio(2_000)
    ledger.begin_clause(SpokenText.of("ccc", []))
    ledger.add_audio(300)
    ledger.end_clause()
    assert ledger.heard_text(300) == "aaa"
    assert ledger.heard_text(700) == ledger.heard_text(2_700) == "aaa bbb"
    assert ledger.heard_text(3_000) == "aaa bbb ccc"


def test_a_clause_whose_audio_is_still_coming_is_never_whole() -> None:
    text = "one two three four five six"
    ledger = ledger_of((text, 100), ended=False)
    # All of the audio there is was played, but it is a small part of what that many letters take.
    assert ledger.heard_text(100) == ""
    ledger.add_audio(900)
    assert ledger.heard_text(1_000) == text[: text.index(" four")]
    ledger.add_audio(60_000)
    assert ledger.heard_text(61_000) == "one two three four five"
    ledger.end_clause()
    assert ledger.heard_text(61_000) == text


def test_the_turns_own_pace_is_the_measure_of_what_is_coming() -> None:
    letters = "aaaaaaaaa "  # ten of them, at 20 ms each
    ledger = ledger_of((letters.strip() + "a", 200), ("bbbb bbbb bbbb bbbb", 100), ended=False)
    assert ledger.heard_text(200 + 79) == "aaaaaaaaaa"
    assert ledger.heard_text(200 + 80) == "aaaaaaaaaa bbbb"
    assert LETTERS_PER_S < 50


def test_word_times_so_far_count_while_the_audio_is_coming() -> None:
    ledger = HeardLedger(RATE)
    ledger.begin_clause(SpokenText.of("one two three", []))
    ledger.add_word(0.0)
    ledger.add_word(0.2)
    ledger.add_audio(300)
    assert ledger.heard_text(100) == "one"
    assert ledger.heard_text(300) == "one two"
    for start_s in (0.25, 0.26, 0.27):
        ledger.add_word(start_s)
    assert ledger.heard_text(300) == "one two three"


@pytest.mark.parametrize("ended", [False, True])
def test_a_clause_without_audio_or_without_words_breaks_nothing(ended: bool) -> None:
    ledger = ledger_of(("one", 100), ("", 0), ("two", 0), ended=ended)
    assert ledger.heard_text(100) == "one"
    assert ledger.heard_text(5).startswith("")
    assert ledger.text.startswith(ledger.heard_text(1_000))
    only = ledger_of(("", 0), ended=ended)
    assert only.heard_text(10) == ""


_word = st.text("abcdefgh'", min_size=1, max_size=9)
_clause = st.tuples(
    st.lists(_word, min_size=1, max_size=6), st.integers(1, 3_000), st.integers(0, 500), st.booleans()
)


@given(st.lists(_clause, min_size=1, max_size=4), st.data())
def test_heard_text_is_a_growing_prefix(
    clauses: list[tuple[list[str], int, int, bool]], data: st.DataObject
) -> None:
    """At every stage of a turn's making, with and without word times, pauses and an unfinished clause."""
    ledger = HeardLedger(RATE)
    total = 0
    pieces = data.draw(st.lists(st.integers(1, 900), max_size=3))

    def check(*, finished: bool) -> None:
        words = ledger.text.split()
        positions = sorted({0, total, *data.draw(st.lists(st.integers(0, total), max_size=4))})
        before = 0
        for position in positions:
            heard = ledger.heard_text(position).split()
            assert heard == words[: len(heard)]
            assert len(heard) >= before
            before = len(heard)
        assert ledger.heard_text(0) == ""
        if finished:
            assert ledger.heard_text(total) == ledger.text

    for words, samples, pause, timed in clauses:
        ledger.begin_clause(SpokenText.of(" ".join(words), []))
        for piece in [*pieces, samples]:
            ledger.add_audio(piece)
            total += piece
            if not timed:
                check(finished=False)
                assert ledger.heard_text(total) != ledger.text
        if timed:
            spoken = sum(pieces) + samples
            for index in range(len(words)):
                ledger.add_word(index * spoken / len(words) / RATE)
        check(finished=False)
        ledger.end_clause()
        check(finished=True)
        if pause:
            ledger.add_audio(pause)
            total += pause
            check(finished=True)


@pytest.mark.parametrize("named", [True, False], ids=["word times", "duration"])
def test_history_keeps_what_was_written(named: bool) -> None:
    ledger = HeardLedger(RATE)
    ledger.begin_clause(said := spoken("It costs $42 today.", "en"))
    assert said.text == "It costs forty-two dollars today."
    if named:
        for word in range(5):
            ledger.add_word(word * 100 / RATE)
    ledger.add_audio(500)
    ledger.end_clause()
    assert ledger.text == ledger.heard_text(500) == "It costs $42 today."
    assert ledger.heard_text(250 if named else 300) == "It costs"
    assert ledger.heard_text(350 if named else 400) == "It costs $42"
