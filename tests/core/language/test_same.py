"""Texts that say the same."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicebot.language.same import same, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't  stop!", ("dont", "stop")),
        ("Don’t stop", ("dont", "stop")),
        ("Mm-hmm.", ("mm", "hmm")),
        ("Room 12, at 3.30", ("room", "12", "at", "3", "30")),
        ("STRASSE Straße", ("strasse", "strasse")),
        ("Ｆｕｌｌ ｗｉｄｔｈ", ("full", "width")),
        ("cafe\u0301 caf\u00e9", ("café", "café")),
        ("हाँ, ठीक है।", ("हाँ", "ठीक", "है")),
        ("你好，世界。", ("你好", "世界")),
        ("مرحبا، كيف؟", ("مرحبا", "كيف")),
        ("snake_case", ("snake", "case")),
        ("so\u00adft hy\u200dphen", ("soft", "hyphen")),
        ("… ?! — \u0301", ()),
        ("", ()),
    ],
)
def test_words_of_any_script(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected


def test_same_words_are_the_same_text() -> None:
    assert same("What time is it?", "what time is it")
    assert same("", "...")
    assert not same("What time is it", "What time was it")
    assert not same("I see", "I see it")


@given(st.text(), st.text())
@example("´́x", "ŉ ǰ ΐ İ")
@example("e'\u0301", "e.\u0301")
def test_normalising_twice_changes_nothing(a: str, b: str) -> None:
    once = words(a)
    assert words(" ".join(once)) == once
    assert all(word and not word.isspace() and " " not in word for word in once)
    assert same(a, a)
    assert same(a, b) == same(b, a) == (once == words(b))
    assert words(f"{a} {b}") == once + words(b)
