"""Telephone numbers, and other numbers that are read digit by digit."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule

__all__ = ["RULES"]

_GROUP: Final = re.compile("[0-9]+")
_LEFT: Final = r"(?<![\w$€£¥₹])(?<![0-9][.,:/-])"
_RIGHT: Final = r"(?![\w%])(?![.,:/-][0-9])"


def _groups(match: re.Match[str]) -> str:
    return words.digit_groups(_GROUP.findall(match[0]))


def _international(match: re.Match[str]) -> str | None:
    count = sum(len(group) for group in _GROUP.findall(match[0]))
    return f"plus {_groups(match)}" if 7 <= count <= 15 else None


def _national(match: re.Match[str]) -> str | None:
    count = sum(len(group) for group in _GROUP.findall(match[0]))
    return _groups(match) if 9 <= count <= 12 else None


def _local(match: re.Match[str]) -> str | None:
    """ "555-1234"; but "100-2000" is a range."""
    return None if match[1].endswith("0") and match[2].endswith("0") else _groups(match)


def _lettered(match: re.Match[str]) -> str:
    return f"{words.digit_groups(_GROUP.findall(match[1]))} {match[2].replace('-', ' ')}"


RULES: Final = (
    Rule(
        re.compile(
            rf"(?<!\w)\+[0-9]{{1,15}}(?:[ .-]?\([0-9]{{1,5}}\)(?: ?[0-9]{{1,10}})?|[ .-][0-9]{{1,10}}){{0,7}}{_RIGHT}"
        ),
        _international,
    ),
    Rule(re.compile(r"(?<![\w-])(1-8[0-9]{2})-([A-Z][A-Z-]{2,12})(?!\w)"), _lettered),
    Rule(
        re.compile(
            rf"{_LEFT}(?:1[ .-])?(?:\([0-9]{{3}}\) ?|[0-9]{{3}}[ .-])[0-9]{{3}}[ .-][0-9]{{4}}{_RIGHT}"
        ),
        _groups,
    ),
    # Payment cards, social security numbers, French numbers.
    Rule(re.compile(rf"{_LEFT}[0-9]{{4}}(?:[ -][0-9]{{4}}){{2,4}}{_RIGHT}"), _groups),
    Rule(re.compile(rf"{_LEFT}[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}{_RIGHT}"), _groups),
    Rule(re.compile(rf"{_LEFT}0[0-9](?:[ .][0-9]{{2}}){{4}}{_RIGHT}"), _groups),
    Rule(re.compile(rf"{_LEFT}\(?0[0-9]{{2,4}}\)?(?:[ -][0-9]{{2,8}}){{1,4}}{_RIGHT}"), _national),
    Rule(re.compile(rf"{_LEFT}0[0-9]{{8,11}}{_RIGHT}"), _groups),
    Rule(re.compile(rf"{_LEFT}([0-9]{{3}})-([0-9]{{4}}){_RIGHT}"), _local),
    Rule(re.compile(rf"(?<=\b[cC]all |\b[dD]ial |\b[rR]ing )[0-9]{{3}}{_RIGHT}"), _groups),
)
