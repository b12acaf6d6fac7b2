"""English numbers in words. The words themselves are num2words' (LGPL), without its commas."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = [
    "AMOUNT",
    "LEFT",
    "NUMBER",
    "RIGHT",
    "SIGN",
    "amount",
    "cardinal",
    "code_number",
    "digit_groups",
    "digits",
    "is_adjective",
    "number",
    "ordinal",
    "plural",
    "signed",
    "year",
]

NUMBER: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,5}|[0-9]{1,15})(?:\.[0-9]{1,12})?"
AMOUNT: Final = rf"(?:{NUMBER}(?:(?:[–—-]| [–—-] ){NUMBER}|(?: ?[x×] ?{NUMBER}){{1,2}})?)"
"""A number, a range ("10-12"), or dimensions ("10 x 20")."""
SIGN: Final = r"(?:(?<![^\s(\[\"'“‘])[-−–+±≈])?"
LEFT: Final = r"(?<!\w)(?<![0-9][.,:/])"
RIGHT: Final = r"(?![^\W²³])(?![.,:/][0-9])(?![–—-][0-9])"

_BETWEEN: Final = re.compile(r" ?([–—x×-]) ?")
_NAMES: Final = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_SIGNS: Final = {
    "-": "minus ",
    "−": "minus ",
    "–": "minus ",
    "+": "plus ",
    "±": "plus or minus ",
    "≈": "about ",
}
_JOINED: Final = {"x": "by", "×": "times"}
LONGEST_CARDINAL: Final = 12
"""More digits than these, with no separator, are a number of an account or the like, and read one by one."""


@lru_cache(maxsize=1024)
def _in_words(value: int, to: str) -> str:
    from num2words import num2words  # builds a converter for each of its languages: not at import

    return str(num2words(value, lang="en", to=to)).replace(",", "")


def cardinal(value: int) -> str:
    return _in_words(value, "cardinal")


def ordinal(value: int) -> str:
    return _in_words(value, "ordinal")


def year(value: int) -> str:
    return _in_words(value, "year")


def digits(text: str) -> str:
    """The digits in `text`, one by one."""
    return " ".join(_NAMES[int(char)] for char in text if char in "0123456789")


def digit_groups(groups: list[str]) -> str:
    """Groups of digits, one by one, with a pause between groups; long ones are cut in threes and a last four."""
    short: list[str] = []
    for group in groups:
        rest = group
        while len(rest) > 4:
            short.append(rest[:3])
            rest = rest[3:]
        short.append(rest)
    return ", ".join(digits(group) for group in short if group)


def number(text: str, *, years: bool = False) -> str:
    """A match of NUMBER.

    Args:
        years: whether four digits that can be a year are read as one.
    """
    whole, _, fraction = text.replace(",", "").partition(".")
    if len(whole) > 1 and whole[0] == "0":
        words = digits(whole)
    elif "," not in text and len(whole) > LONGEST_CARDINAL:
        words = digit_groups([whole])
    elif years and "," not in text and not fraction and len(whole) == 4 and 1100 <= int(whole) < 2100:
        words = year(int(whole))
    else:
        words = cardinal(int(whole))
    return f"{words} point {digits(fraction)}" if fraction else words


def amount(text: str, *, years: bool = False, dash: str = "to") -> str:
    """A match of AMOUNT.

    Args:
        dash: how one between two numbers is said.
    """
    first, *rest = _BETWEEN.split(text)
    words = [number(first, years=years)]
    for mark, other in zip(rest[::2], rest[1::2], strict=True):
        words += [_JOINED.get(mark, dash), number(other, years=years)]
    return " ".join(words)


def signed(sign: str | None) -> str:
    """The word of a match of SIGN, with a space after it."""
    return _SIGNS.get(sign or "", "")


def code_number(text: str) -> str:
    """The number in "A320", "RTX4090" or a port: "three twenty", "forty ninety", "eighty eighty"."""
    if len(text) > 4 or (len(text) > 1 and text[0] == "0"):
        return digit_groups([text])
    if len(text) < 3 or text.endswith("000") or (len(text) == 3 and text.endswith("00")):
        return cardinal(int(text))
    high, low = cardinal(int(text[:-2])), int(text[-2:])
    return (
        f"{high} hundred"
        if not low
        else f"{high} oh {cardinal(low)}"
        if low < 10
        else f"{high} {cardinal(low)}"
    )


def plural(words: str) -> str:
    """ "nineteen nineties", "sevens"."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def is_adjective(match: re.Match[str]) -> bool:
    """Whether an amount is said of what follows: "a $5 bill" is one of five dollar, not dollars."""
    before = match.string[max(0, match.start() - 4) : match.start()].casefold()
    return before in ("a ", "an ") or before.endswith((" a ", " an "))
