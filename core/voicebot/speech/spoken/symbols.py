"""Signs that stand for words."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken.rules import Rule

__all__ = ["RULES"]

_BETWEEN: Final = {
    "=": "equals", "==": "equals", "+": "plus", "−": "minus", "×": "times", "÷": "divided by", "±": "plus or minus",
    "<": "is less than", ">": "is greater than", "≤": "is at most", "≥": "is at least", "<=": "is at most",
    ">=": "is at least", "≠": "is not equal to", "!=": "is not equal to", "≈": "is about", "&": "and", "@": "at",
    "%": "percent",
}  # fmt: skip
_BEFORE_A_NUMBER: Final = {
    "<": "less than", ">": "more than", "≤": "at most", "≥": "at least", "#": "number", "№": "number",
}  # fmt: skip
_AFTER_A_WORD: Final = {"²": "squared", "³": "cubed", "+": "plus"}
_NAMES: Final = {"C#": "C sharp", "F#": "F sharp", "C++": "C plus plus", ".NET": "dot net"}
_TIMES: Final = "second|minute|hour|day|night|week|month|year|person|user"
_LATER_EQUALS: Final = 60
"""How far behind it an "=" makes a dash between numbers a minus."""


def _dash(match: re.Match[str]) -> str | None:
    after = match.string[match.end() : match.end() + _LATER_EQUALS]
    return "minus" if "=" in after else None


def _letters(match: re.Match[str]) -> str:
    """ "A-T and T": "AT" by itself would be the word."""
    return f"{'-'.join(match[1])} and {'-'.join(match[2])}"


RULES: Final = (
    Rule(
        re.compile(r"(?<![\w#+])(?:C#|F#|C\+\+|\.NET)(?![\w#+])"),
        lambda match: _NAMES[match[0]],
        digits=False,
    ),
    Rule(re.compile(r"(?<=[\w)] )[–-](?= [0-9(])"), _dash),
    Rule(
        re.compile(r"(?<=\S )(?:[<>=!]=|[=+−×÷±≤≥≠≈&@%])(?!\S)"),
        lambda match: _BETWEEN[match[0]],
        digits=False,
    ),
    # Between words it is a step in a menu.
    Rule(re.compile(r"(?<=\S )[<>](?= [0-9])|(?<=[0-9] )[<>](?= )"), lambda match: _BETWEEN[match[0]]),
    Rule(re.compile(rf"(?<=[0-9])/(?=(?:{_TIMES})(?!\w))"), lambda match: " per "),
    Rule(re.compile(r"(?<!\w)([A-Z]{1,3})&([A-Z]{1,3})(?!\w)"), _letters, digits=False),
    Rule(re.compile(r"(?<=\w)[=×÷≤≥≠≈&](?=\w)"), lambda match: f" {_BETWEEN[match[0]]} ", digits=False),
    Rule(re.compile(r"(?<=[0-9])[+<>](?=[0-9])"), lambda match: f" {_BETWEEN[match[0]]} "),
    Rule(re.compile(r"(?<!\w)[<>≤≥#№] ?(?=[0-9])"), lambda match: _BEFORE_A_NUMBER[match[0].rstrip()] + " "),
    Rule(
        re.compile(r"(?<=\w)[²³]|(?<=[0-9])\+(?!\w)"),
        lambda match: " " + _AFTER_A_WORD[match[0]],
        digits=False,
    ),
)
