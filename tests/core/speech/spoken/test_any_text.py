"""Whatever comes: nothing is raised, no word is lost, time stays linear."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.spoken import other, spoken

PARTS = st.sampled_from(
    [
        *re.findall(
            r"\S+",
            """
            $ € £ 5 42 1,000 3.14 007 99 1990 2026 12/05/2026 2026-05-12 3:45 : / - – — . , ; % ° °C km m s x × + = < >
            & @ # +44 020 555-1234 (555) 1/2 ½ ² http:// example.com/a a@b.co www. .md v2.0 A4 No. no. Dr. St. Mr. e.g.
            etc. U.S. am p.m. pm May Jan. Mon th st 's ' " ( ) [ IV I X Henry Chapter million USD k M /h to and hello
            World é 你好 ५ ١ ß
            """,
        ),
        *(" ", " ", "\n", "\u00a0", "\u202f", "\u200d", "\x00", "\ud800"),
    ]
)
TEXTS = st.one_of(st.lists(PARTS, max_size=30).map("".join), st.text(max_size=120))
LANGUAGES = st.sampled_from(
    ["en", "en-GB", "de", "fr", "es", "pt-BR", "ru", "hi", "ar", "zh", "ja", "ko", "th", "cs", "da", "nb", "kk", "tr",
     "fil", "xx", "", "-", "e"]
)  # fmt: skip


@given(TEXTS, LANGUAGES)
def test_any_text_has_a_whole_growing_mapping(text: str, language: str) -> None:
    result = spoken(text, language)
    assert result.written == text
    said = [result.written_words(n) for n in range(len(result.text.split()) + 1)]
    assert said == sorted(said)
    assert said[-1] == len(text.split())
    assert said[0] == 0


_plain = st.from_regex(r"[b-hj-z]{4,9}", fullmatch=True)  # no abbreviation, unit or numeral is that long


@given(
    st.lists(
        st.one_of(_plain, st.sampled_from(["5", "$42.50", "3:45", "A4", "50%", "12/05/2026", "1st", "R&D"]))
    )
)
def test_plain_words_are_all_kept_in_order(words: list[str]) -> None:
    result = spoken(" ".join(words), "en")
    left = iter(result.text.split())
    assert all(word in left for word in words if word.isalpha())
    assert not re.search("[0-9$%]", result.text)


@given(st.lists(st.from_regex(r"[b-hj-z]{4,9}('s)?[,.!?;:]?", fullmatch=True), max_size=20))
def test_plain_text_is_left_alone(words: list[str]) -> None:
    assert spoken(" ".join(words), "en").text == " ".join(words)


JUNK = [
    "1", "1,", "1.", "1,000,", "1-", "1 ", "1/", "1:", "a", "a.", "a1", "a-", "a@", "@a.", "A.", "+1 ", "(1) ", "$",
    "$1", "$1-", "5 x ", "0 0", "1111 ", "012 34", "http://", "www.a", "x.com/", ".", "-", "'", " ", "May ", "May 1",
    "1 May", "I", "XX", "Chapter C", "Chapter X", "1:00-", "1am-", "1/1/", "2026-05-", "1 1/", "1–1", "a&", "<", "= ",
    "½", "1½", "²", "St. ", "Dr. ", "no. ", "é", "\u00a0", "1\u00a0", "1 000 ", "a-.",
]  # fmt: skip


@pytest.mark.parametrize("unit", JUNK)
def test_long_junk_takes_linear_time(unit: str) -> None:
    """Eight times the text takes about eight times as long; in quadratic time it would take sixty-four times."""
    short, long = (unit * (length // len(unit)) for length in (400, 3_200))
    assert _cpu_s(long) < 32 * _cpu_s(short)


def _cpu_s(text: str) -> float:
    def once() -> float:
        begin = time.process_time()
        assert spoken(text, "en").written_words(len(text) * 20) == len(text.split())
        return time.process_time() - begin

    return min(once() for _ in range(3))


def test_the_words_of_numbers_are_loaded_with_the_first_number() -> None:
    code = (
        "import sys; from voicebot.speech.spoken import spoken; spoken('Hello, Dr. Lee.', 'en');"
        "assert 'num2words' not in sys.modules; spoken('5', 'en'); assert 'num2words' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_language_is_looked_up_once() -> None:
    assert other.rules("de", "") is other.rules("de", "")
