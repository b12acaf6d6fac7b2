"""Rules that replace stretches of a text, and how several of them share one text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["Edit", "Rule", "find_edits"]

_DIGITS: Final = re.compile("[0-9]")
_MARKS: Final = frozenset(".!?,;:…")


@dataclass(frozen=True, slots=True)
class Rule:
    """Says what each match is spoken as.

    A pattern is bounded in all that it repeats, so that a match begun at each position costs no more than a constant.
    """

    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]
    """The words of a match; None leaves it to the rules that follow."""
    digits: bool = True
    """Whether only text with an ASCII digit can match."""


class Edit(NamedTuple):
    start: int
    end: int
    spoken: str


def find_edits(text: str, rules: Iterable[Rule]) -> list[Edit]:
    """The stretches that are said otherwise, in order and apart; an earlier rule goes before a later one.

    The full stop of an abbreviation that ends the text ends the sentence too, and is kept.
    """
    has_digits = _DIGITS.search(text) is not None
    taken = bytearray(len(text))
    last = max((index for index, char in enumerate(text) if char.isalnum()), default=-1)
    edits: list[Edit] = []
    for rule in rules:
        if rule.digits and not has_digits:
            continue
        for match in rule.pattern.finditer(text):
            start, end = match.span()
            if taken.find(1, start, end) >= 0:
                continue
            words = rule.say(match)
            if not words:
                continue
            if text[end - 1] == "." != words[-1] and end > last and text[end : end + 1] not in _MARKS:
                words += "."
            taken[start:end] = b"\1" * (end - start)
            edits.append(Edit(start, end, words))
    edits.sort()
    return edits
