from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.clauses import ClauseSplitter
from voicebot.speech.plain_text import speakable

EXAMPLES = [
    # emphasis and code
    ("**Bold**, *it*, __u__, _x_, `code`, ~~s~~.", "Bold, it, u, x, code, s."),
    ("It's \\*fine\\* here.", "It's fine here."),
    ("a snake_case_name", "a snake case name"),
    ("2 * 3 is 6, and 2*3 too", "2 × 3 is 6, and 2 × 3 too"),
    ("```python\nprint('x')\n```", "print('x')"),
    ("Run ```x``` now", "Run x now"),
    # half of it: the partner is in another clause
    ("**Warning: it is hot.", "Warning: it is hot."),
    ("Do not touch it.**", "Do not touch it."),
    ("```python", ""),
    ("```", ""),
    ("[Read more.", "Read more."),
    ("Now](https://x.org/y).", "Now."),
    # lines
    ("## Heading ##", "Heading"),
    ("- item", "item"),
    ("* [x] done", "done"),
    ("• item", "item"),
    ("1. Apples", "1. Apples"),
    ("> quoted", "quoted"),
    ("---", ""),
    ("- - -", ""),
    ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a, b 1, 2"),
    # links and tags
    ("See [the docs](https://a.b/c_d?e=1).", "See the docs."),
    ("![a cat](cat.png) sits", "a cat sits"),
    ("It is blue [1], so [^2].", "It is blue, so."),
    ("Go to https://www.example.com/x now", "Go to example.com/x now"),
    ("<https://a.org>", "a.org"),
    ("a <b>bold</b> word<br/>next", "a bold word next"),
    ("Tom &amp; Jerry", "Tom and Jerry"),
    ("&#42;stars&#42;", "stars"),
    # emoji and symbols
    ("Great 😊! Thanks 👍🏽 1️⃣ 🇫🇷 👨\u200d👩\u200d👧", "Great! Thanks 1"),
    ("😊", ""),
    ("(😊) ok", "ok"),
    ("Hi :) there :-D.", "Hi there."),
    ("→ next", "next"),
    ("20°C, 100% of $5 + €3 = C# #1", "20°C, 100% of $5 + €3 = C# #1"),
    ("5 < 6 and #tag", "5 < 6 and tag"),
    ("a\u200bb\ufeff \x00bell\x07", "ab bell"),
    # kept for the prosody
    ('Well… he said — "no!" (yes; no?)', 'Well… he said — "no!" (yes; no?)'),
    ("I paid 1,000.50, e.g. yesterday.", "I paid 1,000.50, e.g. yesterday."),
    # other languages
    ("Héllo señor, ¿qué tal?", "Héllo señor, ¿qué tal?"),
    ("你好，世界。", "你好，世界。"),
    ("می\u200cخواهم", "می\u200cخواهم"),
    ("क्\u200dष", "क्\u200dष"),
    # nothing to say
    ("", ""),
    ("!!!", ""),
    ("***", ""),
    (" \n ", ""),
]


@pytest.mark.parametrize(("text", "spoken"), EXAMPLES)
def test_what_is_spoken(text: str, spoken: str) -> None:
    assert speakable(text) == spoken


def test_the_ampersand_is_english_in_english_only() -> None:
    assert speakable("Müller & Söhne", "de-DE") == "Müller & Söhne"
    assert speakable("salt & pepper", "en-GB") == "salt and pepper"
    assert speakable("R&D") == "R&D"


@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "[",
        "<a ",
        "](",
        "| ",
        "- ",
        "_",
        "&amp;",
        "#",
        "> ",
        "😊",
        "`",
        "~~~",
        "\n",
        '" ',
        "[a](",
        "\\",
        " ",
        "5*",
        "<!--",
    ],
)
def test_long_junk_takes_linear_time(unit: str) -> None:
    assert len(speakable(unit * (100_000 // len(unit)))) <= 200_000


_MARKS = (
    r"** * ` ``` _ ~~ [ ]( ](http://a.b) ) <b> </b> < > | |---| &amp; &lt; 😊 \ word Hello. 3 *4 é 好。 ! { ^"
)
_LINES = ["```py\n", "# ", "- ", "> ", "\n", " ", "👨\u200d👩", "\ufe0f"]
_MARKUP = st.sampled_from([*_MARKS.split(), *_LINES])


@given(text=st.one_of(st.lists(_MARKUP, max_size=40).map("".join), st.text(max_size=200)))
def test_no_markup_leaks_whatever_comes(text: str) -> None:
    spoken = speakable(text)
    assert not set("*`~|\\^{}[]_\n😊\ufe0f\x00") & set(spoken)
    assert spoken == " ".join(spoken.split())
    assert not spoken or any(char.isalnum() or char.isnumeric() for char in spoken) or not spoken.isascii()


@given(text=st.lists(_MARKUP, max_size=60).map("".join))
def test_no_markup_leaks_through_clauses(text: str) -> None:
    splitter = ClauseSplitter(10, 40)
    clauses = splitter.push(text) + splitter.flush()
    assert not set("*`~|[]\\") & set("".join(map(speakable, clauses)))


@given(words=st.lists(st.from_regex(r"[a-zA-Z0-9]+('s)?[,.!?;:]?", fullmatch=True), min_size=1, max_size=30))
def test_plain_text_is_left_alone(words: list[str]) -> None:
    text = " ".join(words)
    assert speakable(text) == text
