"""Dates, in figures and with the month's name, and decades."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule

__all__ = ["MONTHS", "rules"]

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SHORT: Final = {name[:3]: name for name in MONTHS} | {"Sept": "September"}
_DAYS: Final = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip

_MONTH: Final = rf"(?P<month>{'|'.join(MONTHS)}|Sept\.?|(?:{'|'.join(name[:3] for name in MONTHS)})\.?)"
_DAY: Final = r"[0-3]?[0-9](?:st|nd|rd|th)?"
_BEFORE_AN_AGE: Final = "|".join(
    rf"(?<=\b[{word[0]}{word[0].upper()}]{word[1:]})"
    for word in ("the ", "his ", "her ", "my ", "their ", "our ", "your ", "early ", "mid ", "mid-", "late ")
)
_YEAR: Final = r"(?:,? (?P<year>[12][0-9]{3}))?"
_END: Final = r"(?![\w:/%°-])(?![.,][0-9])(?! ?[–-] ?[0-9])"


def _month(text: str) -> str:
    name = text.rstrip(".")
    return _SHORT.get(name, name)


def _day(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def _is_date(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def _full(month: int, day: int, year: str, *, day_first: bool) -> str:
    name, nth = MONTHS[month - 1], words.ordinal(day)
    date = f"the {nth} of {name}" if day_first else f"{name} {nth}"
    return f"{date}, {_year(year)}" if year else date


def _year(text: str) -> str:
    value = int(text)
    if len(text) == 2:
        value += 2000 if value < 70 else 1900
    return words.year(value)


def _figures(match: re.Match[str], *, day_first: bool) -> str | None:
    first, second, year = int(match["first"]), int(match["second"]), match["year"]
    day_first = day_first or match["mark"] == "."
    month, day = (second, first) if day_first else (first, second)
    if not _is_date(month, day):
        month, day = day, month
    if not _is_date(month, day):
        return None
    return _full(month, day, year, day_first=day_first)


def _on(match: re.Match[str], *, day_first: bool) -> str | None:
    first, second = int(match["first"]), int(match["second"])
    month, day = (second, first) if day_first else (first, second)
    return _full(month, day, "", day_first=day_first) if _is_date(month, day) else None


def _iso(match: re.Match[str], *, day_first: bool) -> str | None:
    month, day = int(match["m"]), int(match["d"])
    if not _is_date(month, day):
        return None
    date = _full(month, day, match["y"], day_first=day_first)
    if match["hour"] is None:
        return date
    hour, minute = int(match["hour"]), int(match["minute"])
    zero = "oh " if 0 < minute < 10 else ""
    time = f"{words.cardinal(hour)} {zero}{words.cardinal(minute) if minute else 'hundred'}"
    return f"{date} at {time}" + (" U T C" if match["zulu"] else "")


def _month_year(match: re.Match[str]) -> str:
    return f"{MONTHS[int(match['m']) - 1]} {words.year(int(match['y']))}"


def _month_first(match: re.Match[str]) -> str | None:
    day = _day(match["day"])
    until = _day(match["until"]) if match["until"] else 1
    in_a_month = match.string[max(0, match.start() - 3) : match.start()].casefold() == "in "
    if not (0 < day < 32 and 0 < until < 32) or (in_a_month and not match["year"]):
        return None
    out = f"{_month(match['month'])} {words.ordinal(day)}"
    if match["until"]:
        out += f" to {words.ordinal(until)}"
    return f"{out}, {words.year(int(match['year']))}" if match["year"] else out


def _day_first(match: re.Match[str]) -> str | None:
    day = _day(match["day"])
    until = _day(match["until"]) if match["until"] else 1
    if not (0 < day < 32 and 0 < until < 32):
        return None
    out = f"{match['the'] or 'the '}{words.ordinal(day)}"
    if match["until"]:
        out += f" to the {words.ordinal(until)}"
    out += f" of {_month(match['month'])}"
    return f"{out}, {words.year(int(match['year']))}" if match["year"] else out


def _short_month(match: re.Match[str]) -> str:
    return _month(match["month"])


def _decade(match: re.Match[str]) -> str:
    figures = int(match["figures"])
    return words.plural(words.year(figures) if figures > 99 else words.cardinal(figures))


def _weekday(match: re.Match[str]) -> str:
    return _DAYS[match["day"]]


def rules(*, day_first: bool) -> tuple[Rule, ...]:
    """Args: day_first: whether 12/05 is in May."""
    return (
        # "1990s", "the '90s", "in her 20s"; a bare "20s" is seconds.
        Rule(re.compile(r"(?<![\w.,])(?P<figures>(?:1[0-9]|20)[0-9]0)['’]?s(?!\w)"), _decade),
        Rule(
            re.compile(rf"(?:(?<![\w.,])['’]|{_BEFORE_AN_AGE})(?P<figures>[1-9]0)['’]?s(?!\w)"),
            _decade,
        ),
        Rule(
            re.compile(
                r"(?<![\w./-])(?P<y>[12][0-9]{3})(?P<mark>[-/.])(?P<m>[0-9]{1,2})(?P=mark)(?P<d>[0-9]{1,2})"
                r"(?:T(?P<hour>[0-2][0-9]):(?P<minute>[0-5][0-9])(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
                r"(?:(?P<zulu>Z)|[+-][0-9]{2}:?[0-9]{2})?)?(?![\w/-])(?!\.[0-9])"
            ),
            partial(_iso, day_first=day_first),
        ),
        Rule(
            re.compile(
                r"(?<![\w./-])(?P<first>[0-9]{1,2})(?P<mark>[/.-])(?P<second>[0-9]{1,2})(?P=mark)"
                r"(?P<year>[12][0-9]{3}|(?<=/)[0-9]{2})(?![\w/-])(?!\.[0-9])"
            ),
            partial(_figures, day_first=day_first),
        ),
        Rule(
            re.compile(r"(?<=\b[oO]n )(?P<first>[0-9]{1,2})/(?P<second>[0-9]{1,2})(?![\w/-])(?!\.[0-9])"),
            partial(_on, day_first=day_first),
        ),
        Rule(re.compile(r"(?<![\w./-])(?P<y>[12][0-9]{3})-(?P<m>0[1-9])(?![\w/-])"), _month_year),
        Rule(re.compile(r"(?<![\w./-])(?P<m>0?[1-9]|1[0-2])/(?P<y>[12][0-9]{3})(?![\w/-])"), _month_year),
        Rule(
            re.compile(
                rf"(?<![\w.,/:-])(?P<the>[tT]he )?(?P<day>{_DAY})(?: ?[–-] ?(?P<until>{_DAY}))?(?: of)? {_MONTH}"
                rf"(?!\w){_YEAR}(?!\w)"
            ),
            _day_first,
        ),
        Rule(
            re.compile(rf"(?<!\w){_MONTH} (?P<day>{_DAY})(?: ?[–-] ?(?P<until>{_DAY}))?{_YEAR}{_END}"),
            _month_first,
        ),
        Rule(re.compile(rf"(?<!\w){_MONTH}(?= [0-9])"), _short_month),
        Rule(
            re.compile(r"(?<!\w)(?P<month>(?:Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)\.)"),
            _short_month,
            digits=False,
        ),
        Rule(
            re.compile(
                rf"(?<!\w)(?P<day>{'|'.join(sorted(_DAYS, key=len, reverse=True))})\.?"
                rf"(?=,? (?:{_MONTH} )?[0-3]?[0-9](?!\w))"
            ),
            _weekday,
        ),
    )
