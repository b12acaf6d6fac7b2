from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.bench.words import reached_words, word_errors, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Twenty-five people.", "25 people"),
        ("On the twenty-fifth of May", "on the 25th of may"),
        ("five five five, one two", "555-12"),
        ("It costs $1,200.", "it costs twelve hundred dollars"),
        ("one hundred and five", "105"),
        ("two thousand three hundred and twelve", "2312"),
        ("2 hundred", "200"),
        ("fifty per cent", "50 per cent"),
        ("ten percent", "10%"),
        ("Alright, okay.", "All right, OK"),
        ("at 5 p.m. please", "at five pm please"),
        ("I don’t know", "I don't know"),
        ("It's my third, or first", "it's my 3rd or 1st"),
    ],
)
def test_what_sounds_alike_is_alike(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_what_differs_differs() -> None:
    assert words("I have two and three") == ["i", "have", "2", "and", "3"]
    assert words("five hundred and a half") == ["5", "0", "0", "and", "a", "half"]
    assert word_errors("The cat sat down.", "the cat sat on down") == (1, 4)
    assert word_errors("The cat sat down.", "") == (4, 4)
    assert word_errors("", "hello") == (1, 0)


@given(st.text())
def test_any_text_has_words_and_no_errors_against_itself(text: str) -> None:
    assert word_errors(text, text)[0] == 0
    assert all(word and not word.isspace() for word in words(text))


def test_the_transcript_reaches_as_far_as_its_nearest_prefix() -> None:
    text = "The museum opens at ten and closes at five every day but Monday."
    assert reached_words(text, "The museum opens at noon and") == 7  # ten is 1 0
    assert reached_words(text, "the museum opened at 10") == 6
    assert reached_words(text, "") == 0
    assert reached_words(text, text) == len(words(text))
    assert reached_words(text, "completely different") == 2
