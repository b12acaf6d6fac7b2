"""Plain numbers: cardinals, ordinals, fractions, ratios, versions, chains."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule
from voicebot.speech.spoken.words import AMOUNT, LEFT, NUMBER, RIGHT, SIGN

__all__ = ["RULES"]

_OF_ITS_OWN: Final = {
    "24/7": "twenty-four seven",
    "9/11": "nine eleven",
    "50/50": "fifty-fifty",
    "20/20": "twenty-twenty",
}
_GLYPHS: Final = {
    "½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters",
    "⅕": "one fifth", "⅖": "two fifths", "⅗": "three fifths", "⅘": "four fifths", "⅛": "one eighth",
    "⅜": "three eighths", "⅝": "five eighths", "⅞": "seven eighths",
}  # fmt: skip
_LONGEST_FRACTION: Final = 20
"""Up to this denominator a fraction has words of its own ("five twelfths")."""


def _fraction(above: int, below: int) -> str:
    if not 1 < below <= _LONGEST_FRACTION or above >= below:
        return f"{words.cardinal(above)} over {words.cardinal(below)}"
    part = {2: "half", 4: "quarter"}.get(below) or words.ordinal(below)
    return f"{words.cardinal(above)} {part if above == 1 else 'halves' if below == 2 else words.plural(part)}"


def _slashed(match: re.Match[str]) -> str | None:
    whole, above, below = match["whole"], match["above"], match["below"]
    text = f"{above}/{below}"
    if not whole and text in _OF_ITS_OWN:
        return _OF_ITS_OWN[text]
    if not whole and len(above) == 4 and len(below) in (2, 4):  # a season or a school year
        return f"{words.number(above, years=True)} {words.number(below, years=True)}"
    if whole:
        return f"{words.number(whole)} and {_a(_fraction(int(above), int(below)))}"
    if int(above) + int(below) == 100:  # shares: 80/20
        return f"{words.number(above)} {words.number(below)}"
    if below in ("10", "100") or above == below:
        return f"{words.number(above)} out of {words.number(below)}"
    return _fraction(int(above), int(below))


def _glyph(match: re.Match[str]) -> str:
    part = _GLYPHS[match["glyph"]]
    return f"{words.number(match['whole'])} and {_a(part)}" if match["whole"] else part


def _a(fraction: str) -> str:
    return "a" + fraction.removeprefix("one") if fraction.startswith("one ") else fraction


def _ordinal(match: re.Match[str]) -> str:
    return words.ordinal(int(match[1].replace(",", "")))


def _version(match: re.Match[str]) -> str:
    parts = match["parts"].split(".")
    v = "version " if match["v"] else ""
    if len(parts) == 4:  # an internet address
        return v + " dot ".join(words.digits(part) for part in parts)
    return v + " point ".join(words.number(part) for part in parts)


def _chain(match: re.Match[str]) -> str:
    parts = match[0].split("-")
    if any(len(part) > 2 for part in parts):
        return words.digit_groups(parts)
    return " ".join(words.number(part) for part in parts)


def _spaced(match: re.Match[str]) -> str:
    return words.cardinal(int(match[0].replace(" ", "")))


def _ratio(match: re.Match[str]) -> str:
    return f"{words.number(match[1])} to {words.number(match[2])}"


_LATER_EQUALS: Final = 60
"""How far behind it an "=" makes a dash between numbers a minus."""


def _plain(match: re.Match[str]) -> str:
    after = match.string[match.end() : match.end() + _LATER_EQUALS]
    dash = "minus" if "=" in after else "to"
    return words.signed(match["sign"]) + words.amount(match["amount"], years=dash == "to", dash=dash)


RULES: Final = (
    Rule(
        re.compile(rf"(?:(?P<whole>(?<![\w.,])[0-9]{{1,6}}) ?)?(?P<glyph>[{''.join(_GLYPHS)}])"),
        _glyph,
        digits=False,
    ),
    Rule(
        re.compile(rf"{LEFT}([0-9]{{1,3}}(?:,[0-9]{{3}}){{1,4}}|[0-9]{{1,12}})(?:st|nd|rd|th)(?!\w)"),
        _ordinal,
    ),
    Rule(
        re.compile(
            rf"{LEFT}(?:(?P<whole>[0-9]{{1,4}}) )?(?P<above>[0-9]{{1,4}})[/⁄](?P<below>[0-9]{{1,4}})"
            r"(?![\w/⁄])(?!\.[0-9])"
        ),
        _slashed,
    ),
    Rule(
        re.compile(
            r"(?<![\w.,])(?:(?P<v>[vV])\.? ?)?(?P<parts>[0-9]{1,4}(?:\.[0-9]{1,4}){2,4})(?!\w)(?!\.[0-9])"
        ),
        _version,
    ),
    Rule(
        re.compile(r"(?<![\w.,])(?P<v>v)\.?(?P<parts>[0-9]{1,4}(?:\.[0-9]{1,4})?)(?!\w)(?!\.[0-9])"), _version
    ),
    Rule(re.compile(r"(?<![\w.,-])[0-9]{1,6}(?:-[0-9]{1,6}){2,6}(?![\w-])(?!\.[0-9])"), _chain),
    Rule(re.compile(rf"{LEFT}({NUMBER}):({NUMBER})(?![\w:])(?![.,][0-9])"), _ratio),
    Rule(
        re.compile(r"(?<![\w.])\.([0-9]{1,12})(?!\w)(?!\.[0-9])"),
        lambda match: "point " + words.digits(match[1]),
    ),
    Rule(re.compile(rf"{LEFT}[1-9][0-9]{{0,2}}(?: 000){{1,4}}(?! ?[0-9])(?!\w)"), _spaced),
    Rule(re.compile(rf"{LEFT}(?P<sign>{SIGN})(?P<amount>{AMOUNT}){RIGHT}"), _plain),
    # What hangs together in ways not known ("1,5").
    Rule(re.compile(r"(?<!\w)[0-9]{1,40}(?![^\W²³])"), lambda match: words.number(match[0])),
)
