from __future__ import annotations

import shlex
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicebot.synthesis.text import PIECE_CHARS
from voicebot_tts_opentts.text import for_system, has_markup, sentences, to_ssml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One.", ["One."]),
        ("Dr. Smith is here. Is he?", ["Dr. Smith is here.", "Is he?"]),
        (
            "Well, yes, of course, I think that this is so.",
            ["Well, yes, of course, I think that this is so."],
        ),
        ("Wait ... what? ...", ["Wait ... what?"]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("\x00 . 🙂", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert list(sentences(text)) == expected


@given(st.text(max_size=1500))
@example("word " * 300)
@example("x" * 1000)
def test_sentences_hold_all_words_and_have_a_limit(text: str) -> None:
    found = list(sentences(text))
    # What is no text (control characters and the like) is a space.
    assert [c for c in "".join(found) if c.isalnum()] == [c for c in text if c.isalnum()]
    assert all(0 < len(sentence) <= PIECE_CHARS for sentence in found)
    assert all(len(sentence.splitlines()) == 1 for sentence in found)


@pytest.mark.parametrize(
    ("system", "text", "expected"),
    [
        ("espeak", "don't", "don’t"),
        ("espeak", "-h", "−h"),
        ("espeak", "--version", "−-version"),
        ("flite", "-5", "−5"),
        ("flite", "“Don’t – stop…”", '"Don\'t - stop..."'),
        ("festival", "It’s 20 °C 🙂 – yes", "It's 20 °C   - yes"),
        ("coqui-tts", "don't – “stop” -5", "don't – “stop” -5"),
        ("coqui-tts", "[[[x]] [y]", "[ [ [x]] [y]"),
    ],
)
def test_each_system_gets_what_reaches_it_whole(system: str, text: str, expected: str) -> None:
    assert for_system(text, system) == expected


@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60)
)
@example("-")
@example(" -f/etc/passwd")
def test_no_text_is_an_option_or_five_quotation_marks(text: str) -> None:
    for system in ("espeak", "flite"):
        argument = shlex.quote(for_system(text, system).strip())
        assert not argument.startswith("-")
    assert "'\"'\"'" not in shlex.quote(for_system(text.replace('"', ""), "espeak").strip())


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("Hi <break time='1s'/> you", "<speak>Hi <break time='1s'/> you</speak>"),
        ("<speak>Hi <s>you</s></speak>", "<speak>Hi <s>you</s></speak>"),
        ("R&D <s>&amp; AT&T</s>", "<speak>R&amp;D <s>&amp; AT&amp;T</s></speak>"),
        ("1 < 2 > <s>0</s>", "<speak>1 &lt; 2 &gt; <s>0</s></speak>"),
        ("<s>never closed", "<speak> never closed</speak>"),
        ("<b>bold</b> <s>x</s>", "<speak>&lt;b&gt;bold&lt;/b&gt; <s>x</s></speak>"),
        ("<!DOCTYPE x [<!ENTITY y 'z'>]><s>&y;</s>", None),
    ],
)
def test_ssml_is_passed_on_and_the_rest_escaped(text: str, document: str | None) -> None:
    made = to_ssml(text)
    assert document is None or made == document
    assert "<!" not in made
    ElementTree.fromstring(made)


_BITS = st.sampled_from(
    ["<s>", "</s>", "<break/>", "<speak>", "</speak>", "&", "&lt;", "&#0;", "<", ">", '"', "a ", "]]>"]
)


@given(st.lists(st.one_of(_BITS, st.text(max_size=5)), max_size=20).map("".join))
def test_ssml_is_always_a_document(text: str) -> None:
    assert ElementTree.fromstring(to_ssml(text)).tag == "speak"


def test_markup_is_seen() -> None:
    assert has_markup("a<break time='1s'/>")
    assert not has_markup("a < b, <b>bold</b>, breaks")
