"""Times of day, alone and from one to another."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule

__all__ = ["RULES"]

_HALF: Final = r"(?: ?[aApP]\.?[mM](?![A-Za-z])\.?)"
_TIME: Final = rf"[0-9]{{1,2}}(?:[:.][0-5][0-9]{_HALF}|(?::[0-5][0-9]){{1,2}}|{_HALF})"
_FIRST: Final = rf"(?:{_TIME}|[0-9]{{1,2}}(?= ?[–—-]))"
_PART: Final = re.compile(r"([0-9]{1,2})(?:[:.]([0-5][0-9]))?(?::([0-5][0-9]))?(?: ?([aApP])\.?[mM]\.?)?")


def _time(text: str) -> str | None:
    match = _PART.fullmatch(text)
    if match is None or int(match[1]) > 24:
        return None
    hour, minute, second, half = int(match[1]), int(match[2] or 0), match[3], match[4]
    if half:
        out = words.cardinal(hour)
        if minute:
            out += f" {_minute(minute)}"
        return f"{out} {half.lower()}.m."
    if match[2] is None:
        return words.cardinal(hour)
    if second:
        return f"{words.cardinal(hour)} {_minute(minute)} and {words.cardinal(int(second))} seconds"
    if not minute:
        if hour in (0, 24):
            return "midnight"
        return f"{words.cardinal(hour)} hundred" if hour > 12 else f"{words.cardinal(hour)} o'clock"
    return f"{words.cardinal(hour)} {_minute(minute)}"


def _minute(minute: int) -> str:
    return f"oh {words.cardinal(minute)}" if minute < 10 else words.cardinal(minute)


def _say(match: re.Match[str]) -> str | None:
    times = [_time(part) for part in (match["first"], match["second"]) if part]
    if None in times:
        return None
    return " to ".join(time for time in times if time)


RULES: Final = (
    Rule(
        re.compile(
            rf"(?<![\w:/.,–-])(?P<first>{_FIRST})(?: ?[–—-] ?(?P<second>{_TIME}))(?![\w:])(?![.,][0-9])"
        ),
        _say,
    ),
    Rule(re.compile(rf"(?<![\w:/.,])(?P<first>{_TIME})(?P<second>)(?![\w:])(?![.,][0-9])"), _say),
)
