"""Whether two texts say the same, however they are written."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["same", "undrawn", "words"]

_APOSTROPHES = frozenset("'’‘ʼ`´＇")


def words(text: str) -> tuple[str, ...]:
    """The words of a text without case, punctuation and apostrophes ("Don't!" -> "dont"), in any script.

    A word is a run of letters, digits and their marks (vowel signs among them); a hyphen parts two words. Joining the
    result with spaces and asking again gives the same result.
    """
    kept: list[str] = []
    for char in _folded(text):
        kind = unicodedata.category(char)
        if kind[0] in "LMN":
            kept.append(char)
        elif kind != "Cf":  # joiners and soft hyphens stand within words
            kept.append(" ")
    found = unicodedata.normalize("NFC", "".join(kept)).split()
    return tuple(word for word in found if any(unicodedata.category(char)[0] in "LN" for char in word))


def same(a: str, b: str) -> bool:
    """Whether both have the same words."""
    return words(a) == words(b)


def undrawn(word: str) -> str:
    """A word however long it was drawn out: "hmmmm" -> "hm", "yeahhh" -> "yeah"; for comparing, not for showing."""
    return re.sub(r"(.)\1+$", r"\1", re.sub(r"(.)\1\1+", r"\1", word))


def _folded(text: str) -> str:
    """Without case, compatibility forms and apostrophes; a fixed point, so that a second pass changes nothing."""
    while True:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        # An acute that stands alone is decomposed into a space with an accent: apostrophes go first and last.
        folded = "".join(char for char in folded if char not in _APOSTROPHES)
        if folded == text:
            return folded
        text = folded
