"""What is said, as the requests that say it: one per sentence. Pure.

OpenTTS 2.1 gives a text to its engines in ways that not every text survives; read in its `tts.py`:

- eSpeak and flite get it as a program's argument, shell-quoted although there is no shell. An apostrophe comes out as
  five quotation marks, and a word like "-h" is not even quoted, so that it is an option of that program.
- Festival gets it in a character set of 8 bits, and fails where a character is not in there.
- eSpeak reads `[[...]]` as phonemes, there and inside Glow-Speak.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from voicebot.speech.clauses import ClauseSplitter
from voicebot.synthesis.text import PIECE_CHARS, safe_text

__all__ = ["for_system", "has_markup", "sentences", "to_ssml"]

_ARGUMENTS = frozenset({"espeak", "flite"})
_TYPEWRITER = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "–": "-",
        "—": "-",
        "−": "-",
        "…": "...",
        "\u00a0": " ",
    }
)
_BEYOND_8_BITS = re.compile("[\u2000-\u206f\u2190-\u2bff\ufe00-\ufe0f\U00010000-\U0010ffff]")
"""Signs, symbols and emoji; letters are left to OpenTTS, which transliterates some."""

_TAG = re.compile(
    r"</?(?:speak|p|s|w|token|voice|say-as|break|sub|lang|lexicon|lexeme|metadata|phoneme|prosody|emphasis)"
    r"(?:\s[^<>]{0,300})?/?>"
)
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text that hold anything to say; long ones are cut."""
    splitter = ClauseSplitter(first_clause_chars=PIECE_CHARS, max_clause_chars=PIECE_CHARS)
    for clause in (*splitter.push(text), *splitter.flush()):
        sentence = safe_text(clause).strip()
        if any(char.isalnum() for char in sentence):
            yield sentence


def for_system(sentence: str, system: str) -> str:
    """A sentence in the form that reaches this engine of OpenTTS whole."""
    sentence = re.sub(r"\[(?=\[)", "[ ", sentence)
    if system in ("festival", "flite"):
        sentence = _BEYOND_8_BITS.sub(" ", sentence.translate(_TYPEWRITER))
    if system == "espeak":
        sentence = sentence.replace("'", "’")
    if system in _ARGUMENTS and sentence.lstrip().startswith("-"):
        # A minus sign is no option, and makes OpenTTS quote the rest.
        sentence = "−" + sentence.lstrip()[1:]
    return sentence


def has_markup(text: str) -> bool:
    """Whether a tag that OpenTTS knows is in it."""
    return _TAG.search(text) is not None


def to_ssml(text: str) -> str:
    """A document of the text with its SSML tags; what only looks like markup is escaped.

    Where the tags do not match they are left out: nobody wants to hear them.
    """
    pieces = []
    at = 0
    for tag in _TAG.finditer(text := safe_text(text)):
        pieces += [_plain(text[at : tag.start()]), tag.group()]
        at = tag.end()
    body = "".join(pieces) + _plain(text[at:])
    document = body if body.lstrip().startswith("<speak") else f"<speak>{body}</speak>"
    try:
        ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return f"<speak>{escape(_TAG.sub(' ', text))}</speak>"
    return document


def _plain(text: str) -> str:
    return _BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
