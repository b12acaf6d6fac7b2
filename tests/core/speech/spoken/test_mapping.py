"""From spoken words back to written ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.spoken import SpokenText, spoken
from voicebot.speech.spoken.rules import Edit


def counts(result: SpokenText) -> list[int]:
    return [result.written_words(n) for n in range(len(result.text.split()) + 1)]


def test_one_written_word_is_covered_by_its_last_spoken_one() -> None:
    result = spoken("It is $42.50 now.", "en")
    assert result.text == "It is forty-two dollars and fifty cents now."
    assert counts(result) == [0, 1, 2, 2, 2, 2, 2, 3, 4]


def test_words_said_as_one_count_together() -> None:
    result = spoken("at 3:45 pm on", "en")
    assert result.text == "at three forty-five p.m. on"
    assert counts(result) == [0, 1, 1, 1, 3, 4]


def test_fewer_spoken_words_than_written_ones() -> None:
    result = SpokenText.of("a b c d e", [Edit(2, 7, "x")])
    assert result.text == "a x e"
    assert counts(result) == [0, 1, 4, 5]


def test_punctuation_around_and_inside_a_word() -> None:
    result = spoken('He (5km) "R&D", and 1–2.', "en")
    assert result.text == 'He (five kilometers) "R and D", and one to two.'
    assert counts(result) == [0, 1, 1, 2, 2, 2, 3, 4, 4, 4, 5]


def test_words_never_run_together() -> None:
    assert SpokenText.of("a5b", [Edit(1, 2, "five")]).text == "a five b"
    assert SpokenText.of("(5)", [Edit(1, 2, "five")]).text == "(five)"


def test_more_than_all_and_less_than_nothing() -> None:
    result = spoken("5 km", "en")
    assert result.written_words(99) == 2
    assert result.written_words(0) == 0
    assert result.written_words(-1) == 0


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_no_words(text: str) -> None:
    assert counts(spoken(text, "en")) == [0]


@st.composite
def _edited(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    text = draw(st.text("ab5. \n(", max_size=30))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    said = st.text("xy", min_size=1, max_size=4)
    phrase = st.lists(said, min_size=1, max_size=3).map(" ".join)
    return text, [
        Edit(start, end, draw(phrase))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
        if start < end
    ]


@given(_edited())
def test_the_mapping_grows_and_ends_whole(edited: tuple[str, list[Edit]]) -> None:
    text, edits = edited
    result = SpokenText.of(text, edits)
    said = [result.written_words(n) for n in range(len(result.text.split()) + 1)]
    assert said == sorted(said)
    assert said[0] == 0
    assert said[-1] == len(text.split())
