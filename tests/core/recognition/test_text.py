from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicebot.recognition.text import is_phantom, loop_start, strip_annotations, trim_loop


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[BLANK_AUDIO]", ""),
        (" (upbeat music)", ""),
        ("♪ ♪", ""),
        ("*coughs* Hello [noise] there.", "Hello there."),
        ("Yes. [BLANK_AUD", "Yes."),
        ("((inner) outer) Go on.", "Go on."),
        ("...", ""),
        (" .", ""),
        ("Two * three * four is 24.", "Two * three * four is 24."),
        ("Ça va, 42 %.", "Ça va, 42 %."),
    ],
)
def test_annotations_go_and_words_stay(text: str, left: str) -> None:
    assert strip_annotations(text) == left


@given(st.text(alphabet="ab[]()*♪. \n"))
def test_stripping_twice_is_stripping_once(text: str) -> None:
    once = strip_annotations(text)
    assert strip_annotations(once) == once
    assert not set(once) & set("[]()♪")


@pytest.mark.parametrize(
    "text", ["Thank you.", " you", "Thanks for watching!", "Don't forget to subscribe.", "I"]
)
def test_phantoms_are_known_in_any_dress(text: str) -> None:
    assert is_phantom(text)


@pytest.mark.parametrize(
    "text", ["Yes.", "No.", "Stop!", "Thank you, I need two.", "", "Subscribe me to the paper."]
)
def test_answers_are_no_phantoms(text: str) -> None:
    assert not is_phantom(text)


@given(
    st.text(alphabet="abcdefg hij,.", max_size=40),
    st.text(alphabet="klmnop qrs", min_size=1, max_size=50),
    st.integers(3, 12),
    st.integers(0, 49),
)
def test_every_loop_is_found_and_cut(head: str, unit: str, copies: int, cut: int) -> None:
    text = head + unit * copies + unit[: cut % len(unit)]
    if len(unit) * copies < 24:
        return
    assert loop_start(text) is not None
    trimmed = trim_loop(text)
    assert text.startswith(trimmed)
    assert loop_start(trimmed) is None
    assert len(trimmed) < len(text)


@pytest.mark.parametrize(
    "text",
    [
        "No, no, no, I said Tuesday.",
        "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country.",
        "very very very good",
        "",
    ],
)
def test_people_may_repeat_themselves(text: str) -> None:
    assert loop_start(text) is None


@given(st.text())
@example("İ" * 40)
def test_any_text_can_be_trimmed(text: str) -> None:
    assert text.startswith(trim_loop(text))
