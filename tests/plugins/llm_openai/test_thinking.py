"""What a model thinks is not spoken."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot_llm_openai.thinking import ThoughtFilter


def heard(pieces: list[str]) -> str:
    thoughts = ThoughtFilter()
    return "".join(map(thoughts.feed, pieces)) + thoughts.end()


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("<think>\nHm. <b>\n</think>\n\nHello.", "Hello."),
        (" <think>a</think> <think>b</think> Hello.", " Hello."),
        ("<think></think>Hello.", "Hello."),
        ("Hello <think>a</think> there.", "Hello <think>a</think> there."),
        ("<think> and no more", ""),
        ("<thin air", "<thin air"),
        ("<thi", "<thi"),
        ("  \n", "  \n"),
        ("", ""),
    ],
)
@given(places=st.lists(st.integers(0, 60)))
def test_thoughts_are_left_out_however_they_are_cut(written: str, spoken: str, places: list[int]) -> None:
    assert heard(cut(written, places)) == spoken


@given(st.text(), st.lists(st.integers(0, 60)))
def test_other_text_passes(text: str, places: list[int]) -> None:
    if not text.lstrip().startswith("<think>"):
        assert heard(cut(text, places)) == text


@given(st.text(alphabet="<>/think \n"), st.lists(st.integers(0, 60)))
def test_where_it_is_cut_makes_no_difference(text: str, places: list[int]) -> None:
    assert heard(cut(text, places)) == heard([text])


def test_text_passes_at_once() -> None:
    thoughts = ThoughtFilter()
    assert [thoughts.feed(piece) for piece in (" ", "H", "<", "i")] == [" ", "H", "<", "i"]
