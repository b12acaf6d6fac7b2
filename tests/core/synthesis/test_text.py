from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.synthesis.text import pieces, safe_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Héllo 😀 — 日本", "Héllo 😀 — 日本"),
        ("a\x00b\x01c\nd\x7fe\x85f", "a b c d e f"),
        ("lone \ud83d end", "lone   end"),
        ("\ue000\ufffe\U000f1234", "   "),
        ("family 👨\u200d👩 می\u200cخواهم", "family 👨\u200d👩 می\u200cخواهم"),
    ],
)
def test_only_what_is_not_text_becomes_a_space(text: str, expected: str) -> None:
    assert safe_text(text) == expected


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_keeps_its_length_and_can_be_encoded(text: str) -> None:
    clean = safe_text(text)
    assert len(clean) == len(text)
    assert b"\0" not in clean.encode()


@given(st.text("ab. ,\n", max_size=200), st.integers(2, 40))
def test_pieces_joined_are_the_text(text: str, limit: int) -> None:
    cut = list(pieces(text, limit))
    assert "".join(piece for _, piece in cut) == text
    assert all(0 < len(piece) <= limit for _, piece in cut)
    assert all(text[position:].startswith(piece) for position, piece in cut)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One two, three. Four five six", "One two, three. "),
        ("One two three, four five six", "One two three, "),
        ("One two three four five six", "One two three four "),
        ("Onetwothreefourfivesixseven", "Onetwothreefourfives"),
        ("Short.", "Short."),
    ],
)
def test_the_cut_is_where_a_speaker_would_breathe(text: str, first: str) -> None:
    assert next(pieces(text, 20)) == (0, first)
