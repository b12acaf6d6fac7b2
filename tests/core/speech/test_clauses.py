from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.clauses import ClauseSplitter


def split(text: str, *, first: int = 24, longest: int = 200, sizes: list[int] | None = None) -> list[str]:
    splitter = ClauseSplitter(first, longest)
    clauses: list[str] = []
    cut_sizes = itertools.cycle(sizes or [1])
    at = 0
    while at < len(text):
        size = next(cut_sizes)
        clauses += splitter.push(text[at : at + size])
        at += size
    return clauses + splitter.flush()


EXAMPLES = [
    # plain sentences
    ("Hello! How are you?", ["Hello!", "How are you?"]),
    ("hi there. how are you", ["hi there.", "how are you"]),
    ("What?! No way!!! Fine.", ["What?!", "No way!!!", "Fine."]),
    ("Hello!How are you?Fine", ["Hello!", "How are you?", "Fine"]),
    # abbreviations, acronyms, initials
    ("Mr. Smith met Dr. No. They left.", ["Mr. Smith met Dr. No.", "They left."]),
    ("Apples, e.g. Braeburn. Done.", ["Apples, e.g. Braeburn.", "Done."]),
    ("Cats, i.e. Felines. Done.", ["Cats, i.e. Felines.", "Done."]),
    ("Pears, etc. and more. Done.", ["Pears, etc. and more.", "Done."]),
    ("Bring pears, etc. Then go.", ["Bring pears, etc.", "Then go."]),
    ("In the U.S. Army now. Yes.", ["In the U.S. Army now.", "Yes."]),
    ("It is the U.S. The end.", ["It is the U.S.", "The end."]),
    ("At 5 a.m. on Monday. Ok.", ["At 5 a.m. on Monday.", "Ok."]),
    ("We close at 5 p.m. Please come early.", ["We close at 5 p.m.", "Please come early."]),
    ("Cats vs. Dogs. Ok.", ["Cats vs. Dogs.", "Ok."]),
    ("See No. 5 now. No. I can't.", ["See No. 5 now.", "No.", "I can't."]),
    ("J. K. Rowling wrote it. Yes.", ["J. K. Rowling wrote it.", "Yes."]),
    ("So do I. Me too.", ["So do I.", "Me too."]),
    ("Acme Inc. Ltd is old. The end.", ["Acme Inc. Ltd is old.", "The end."]),
    ("Born on Jan. 5 here. Yes.", ["Born on Jan. 5 here.", "Yes."]),
    # numbers, versions, addresses
    ("Pi is 3.14 or so. Yes.", ["Pi is 3.14 or so.", "Yes."]),
    ("It was 1999. Then 3. The end.", ["It was 1999.", "Then 3.", "The end."]),
    ("Use v1.2 today. Ok?", ["Use v1.2 today.", "Ok?"]),
    ("See example.com. Ok?", ["See example.com.", "Ok?"]),
    ("Mail a.b@example.com or 10.0.0.1 now. Ok.", ["Mail a.b@example.com or 10.0.0.1 now.", "Ok."]),
    ("Open https://x.org/?q=A.B!C now. Ok.", ["Open https://x.org/?q=A.B!C now.", "Ok."]),
    # ellipses
    ("Well... maybe not. Ok.", ["Well... maybe not.", "Ok."]),
    ("Wait… What? Ok.", ["Wait…", "What?", "Ok."]),
    ("... Right. Ok.", ["... Right.", "Ok."]),
    # quotes and brackets
    ('"Hello there!" he said. "Go." He went.', ['"Hello there!" he said.', '"Go."', "He went."]),
    ("(Really.) Yes “I know.” Good.", ["(Really.)", "Yes “I know.”", "Good."]),
    ("It is (see Fig. 3.) and so on. Ok.", ["It is (see Fig. 3.) and so on.", "Ok."]),
    # lists and lines
    ("1. Apples\n2. Pears\n\n", ["1. Apples", "2. Pears"]),
    ("1.\nApples\n2.\nPears", ["1.\nApples", "2.\nPears"]),
    ("Do this: 1. Open it. 2. Close it.", ["Do this:", "1. Open it.", "2. Close it."]),
    ("You need:\n- eggs\n- milk\nDone", ["You need:", "- eggs", "- milk", "Done"]),
    ("Buy: • eggs • milk", ["Buy:", "• eggs", "• milk"]),
    ("One line\r\n\r\nanother\u2028third", ["One line", "another", "third"]),
    # emoji and markup
    ("Great 😊! Thanks!😊 Bye", ["Great 😊!", "Thanks!", "😊 Bye"]),
    ("**Hello.** This is *great!* Ok.", ["**Hello.**", "This is *great!*", "Ok."]),
    ("Use `a.b` here. Ok.", ["Use `a.b` here.", "Ok."]),
    # other languages
    ("你好。我很好！你呢？好", ["你好。", "我很好！", "你呢？", "好"]),
    ("「はい。」元気ですか。", ["「はい。」", "元気ですか。"]),
    ("Bonjour ! Ça va ? « Oui ! » Bien.", ["Bonjour !", "Ça va ?", "« Oui ! »", "Bien."]),
    ("Am 3. Oktober, z. B. Montag. Gut.", ["Am 3. Oktober, z. B. Montag.", "Gut."]),
    ("¿Qué tal? ¡Bien! Hola.", ["¿Qué tal?", "¡Bien!", "Hola."]),
    ("كيف حالك؟ بخير.", ["كيف حالك؟", "بخير."]),
    ("नमस्ते। कैसे हो?", ["नमस्ते।", "कैसे हो?"]),
    # nothing
    ("", []),
    (" \n\t ", []),
]

FIRST_CLAUSE = [
    (
        "Light is scattered by the air, and blue the most, by far the most of all. Ok, and so on it goes.",
        [
            "Light is scattered by the air,",
            "and blue the most, by far the most of all.",
            "Ok, and so on it goes.",
        ],
    ),
    ("Yes, we open at nine in the morning.", ["Yes, we open at nine in the morning."]),
    (
        "It opens tomorrow at nine in the morning, sir. Ok.",
        ["It opens tomorrow at nine in the morning, sir.", "Ok."],
    ),
    (
        "The whole thing costs 1,000,000 dollars in cash.",
        ["The whole thing costs 1,000,000 dollars in cash."],
    ),
    ("The meeting will begin at 10:30 in the hall.", ["The meeting will begin at 10:30 in the hall."]),
    (
        "Sure—let me check that for you—one moment please.",
        ["Sure—let me check that for you—", "one moment please."],
    ),
    ("We are open on all days 9 - 5 and later too.", ["We are open on all days 9 - 5 and later too."]),
    (
        "The shop was closed for most of last week because it rained hard.",
        ["The shop was closed for most of last week", "because it rained hard."],
    ),
    (
        "你好，我是你的语音助手，今天有什么可以帮您的吗？",
        ["你好，我是你的语音助手，", "今天有什么可以帮您的吗？"],
    ),
    ("I was thinking about it... maybe we should go.", ["I was thinking about it...", "maybe we should go."]),
]


@pytest.mark.parametrize(("text", "clauses"), EXAMPLES)
def test_sentences(text: str, clauses: list[str]) -> None:
    assert split(text) == clauses


@pytest.mark.parametrize(("text", "clauses"), FIRST_CLAUSE)
def test_the_first_clause_may_be_shorter(text: str, clauses: list[str]) -> None:
    assert split(text) == clauses


def test_long_sentences_are_cut_at_a_comma_else_at_a_space() -> None:
    words = "word " * 12
    assert split(f"Go. {words.strip()}, {words.strip()} end.", longest=80) == [
        "Go.",
        words.strip() + ",",
        words.strip() + " end.",
    ]
    clauses = split("Go. " + words * 3, longest=80)
    assert all(len(clause) <= 80 and set(clause.split()) <= {"Go.", "word"} for clause in clauses)
    assert len(clauses[-1]) >= 10


def test_a_word_longer_than_a_clause_is_cut_but_not_within_a_character() -> None:
    clauses = split("e\u0301" * 150, longest=41)
    assert max(map(len, clauses)) <= 41
    assert not any(clause.startswith("\u0301") for clause in clauses)


def test_a_clause_is_given_out_as_soon_as_the_next_word_begins() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("It is Paris.") == []
    assert splitter.push(" ") == []
    assert splitter.push("A") == ["It is Paris."]
    assert splitter.push("nother line\n") == ["Another line"]
    assert splitter.flush() == []


def test_flush_begins_anew() -> None:
    splitter = ClauseSplitter()
    text = "Light is scattered by the air, and blue the most"
    first = splitter.push(text) + splitter.flush()
    assert first == ["Light is scattered by the air,", "and blue the most"]
    assert splitter.push(text) + splitter.flush() == first
    assert splitter.flush() == []


@pytest.mark.parametrize("limits", [(24, 39), (0, 200)])
def test_limits_out_of_range_are_refused(limits: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        ClauseSplitter(*limits)


@pytest.mark.parametrize("unit", ["x", "! ", ".", "a.a.", "\n", "- ", "1. ", "“", ": 1", ", and "])
def test_a_megabyte_without_sense_is_held_in_a_small_buffer(unit: str) -> None:
    splitter = ClauseSplitter()
    text = unit * (200_000 // len(unit))
    clauses = splitter.push(text)
    assert len(splitter._text) <= 200 + 300
    clauses += splitter.flush()
    assert _bare(*clauses) == _bare(text)
    assert all(0 < len(clause) <= 200 for clause in clauses)


# --- properties -----------------------------------------------------------------------------------------------------

_WORDS = """Hello Mr. Dr. U.S. a.m. e.g. etc. No. 5 3.14 1,000 10:30 1. 2) - – — • : ; , . ... … ! ? ?! " ' ) (
    « » 。 ， 「 」 你好 I and because the The Paris example.com ** ` _ 😊 Oktober supercalifragilistic é Inc."""
_PIECES = st.sampled_from([*_WORDS.split(), *"   \n\t\u00a0", "w" * 50])
_TEXTS = st.one_of(st.lists(_PIECES, max_size=60).map("".join), st.text(max_size=300))
_LIMITS = st.tuples(st.integers(1, 60), st.integers(40, 120))


def _bare(*texts: str) -> str:
    return "".join("".join(texts).split())


@given(text=_TEXTS, limits=_LIMITS, sizes=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_clauses_do_not_depend_on_how_the_text_is_cut(
    text: str, limits: tuple[int, int], sizes: list[int]
) -> None:
    first, longest = limits
    by_character = split(text, first=first, longest=longest)
    assert split(text, first=first, longest=longest, sizes=sizes) == by_character
    assert split(text, first=first, longest=longest, sizes=[100_000]) == by_character
    assert all(clause and clause == clause.strip() and len(clause) <= longest for clause in by_character)
    assert _bare(*by_character) == _bare(text)


@given(words=st.lists(st.text("abcXYZ.,;:!?'\"()-1", min_size=1, max_size=12), max_size=80))
def test_no_word_is_broken_where_there_are_spaces(words: list[str]) -> None:
    text = " ".join(words)
    clauses = split(text, longest=60)
    starts = {0, *(index + 1 for index, char in enumerate(text) if char == " ")}
    at = 0
    for clause in clauses:
        at = text.index(clause, at)
        forgotten_space = at and text[at - 1] in "!?.'\")"
        assert at in starts or forgotten_space
        at += len(clause)
