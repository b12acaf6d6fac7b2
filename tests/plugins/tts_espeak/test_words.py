from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.interfaces import WordMark
from voicebot_tts_espeak.words import WordTimes


def test_a_word_begins_where_its_first_event_says() -> None:
    words = WordTimes("It costs 3.14 now")
    marks = words.event(0, 0.0) + words.event(3, 0.2) + words.event(9, 0.5) + words.event(10, 0.7)
    assert marks == [WordMark("It", 0.0), WordMark("costs", 0.2), WordMark("3.14", 0.5)]
    assert words.event(14, 1.1) == [WordMark("now", 1.1)]
    assert words.finish(1.5) == []


def test_words_without_an_event_lie_between_their_neighbours() -> None:
    words = WordTimes("one of the cats ...")
    assert words.event(0, 1.0) == [WordMark("one", 1.0)]
    marks = words.event(11, 1.9)
    assert [mark.text for mark in marks] == ["of", "the", "cats"]
    assert [mark.start_s for mark in marks] == pytest.approx([1.3, 1.6, 1.9])
    (last,) = words.finish(2.5)
    assert last.text == "..."
    assert last.start_s == pytest.approx(2.2)


def test_words_before_the_first_event_begin_with_the_audio() -> None:
    assert WordTimes("( one").event(2, 0.4) == [WordMark("(", 0.0), WordMark("one", 0.4)]


def test_a_text_without_words_has_no_marks() -> None:
    words = WordTimes("  ")
    assert words.event(1, 0.0) == []
    assert words.finish(1.0) == []


@given(
    st.text("ab \u00e9\U0001f600", max_size=30),
    st.lists(st.tuples(st.integers(-3, 40), st.floats(0, 10)), max_size=10),
)
def test_whatever_the_engine_says_each_word_has_one_mark_in_order(
    text: str, events: list[tuple[int, float]]
) -> None:
    words = WordTimes(text)
    marks = [mark for position, start_s in events for mark in words.event(position, start_s)]
    marks += words.finish(11.0)
    assert [mark.text for mark in marks] == text.split()
    times = [mark.start_s for mark in marks]
    assert times == pytest.approx(sorted(times))
    assert all(0 <= time <= 11 for time in times)
