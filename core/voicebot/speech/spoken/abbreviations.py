"""Short forms of words."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken.rules import Rule

__all__ = ["RULES"]

_ANYWHERE: Final = {
    "e.g.": "for example", "eg.": "for example", "i.e.": "that is", "ie.": "that is", "etc.": "et cetera",
    "vs.": "versus", "approx.": "approximately", "dept.": "department", "a.k.a.": "also known as", "viz.": "namely",
    "incl.": "including", "excl.": "excluding", "govt.": "government", "min.": "minimum", "max.": "maximum",
    "avg.": "average", "misc.": "miscellaneous", "ext.": "extension", "tel.": "telephone", "et al.": "and others",
    "w/o": "without", "w/": "with", "b/c": "because", "vs": "versus", "assoc.": "associated",
}  # fmt: skip
_CAPITALISED: Final = {
    "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Prof.": "Professor", "Jr.": "Junior", "Sr.": "Senior",
    "Inc.": "Incorporated", "Ltd.": "Limited", "Corp.": "Corporation", "Co.": "Company", "Bros.": "Brothers",
    "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road", "Hwy.": "Highway", "Pkwy.": "Parkway", "Apt.": "Apartment",
    "Gov.": "Governor", "Gen.": "General", "Sen.": "Senator", "Rep.": "Representative", "Lt.": "Lieutenant",
    "Col.": "Colonel", "Capt.": "Captain", "Sgt.": "Sergeant", "Rev.": "Reverend", "Hon.": "Honorable",
    "Pres.": "President", "Mt.": "Mount", "Ft.": "Fort", "Vol.": "Volume", "Univ.": "University",
    "Ph.D.": "P-H-D", "Dept.": "Department",
}  # fmt: skip
_BEFORE_A_NUMBER: Final = {
    "no.": "number", "nos.": "numbers", "nr.": "number", "fig.": "figure", "figs.": "figures", "p.": "page",
    "pp.": "pages", "vol.": "volume", "ch.": "chapter", "sec.": "section", "art.": "article", "eq.": "equation",
    "pt.": "part", "ca.": "about", "c.": "about",
}  # fmt: skip
_BEFORE_A_NAME: Final = {"Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Prof": "Professor", "Mt": "Mount"}
_NO_STREETS: Final = frozenset(
    (
        "in",
        "at",
        "from",
        "the",
        "near",
        "visit",
        "to",
        "our",
        "on",
        "for",
        "by",
        "of",
        "and",
        "is",
        "was",
        "see",
    )
)
"""Words before "St. Louis" that do not make it a street."""


def _with_capitals(names: dict[str, str]) -> dict[str, str]:
    return names | {name[0].upper() + name[1:]: words[0].upper() + words[1:] for name, words in names.items()}


def _one_of(names: dict[str, str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_TABLE: Final = _with_capitals(_ANYWHERE) | _CAPITALISED
_NUMBERED: Final = _with_capitals(_BEFORE_A_NUMBER)


def _around(match: re.Match[str]) -> tuple[str, bool]:
    """The word before ("" where there is none on the same side of a comma), and whether a name follows."""
    start, end = match.span()
    near = match.string[max(0, start - 24) : start]
    before = near.split()[-1] if near.endswith(" ") and near.strip() else ""
    after = match.string[end : end + 2]
    return before if before[-1:].isalnum() else "", after[:1] == " " and after[1:].isupper()


def _saint_or_street(match: re.Match[str]) -> str | None:
    before, names_follow = _around(match)
    is_name = before[:1].isupper() and before.casefold() not in _NO_STREETS
    if is_name or before[:1].isdigit():
        return "Street"
    return "Saint" if names_follow else None


def _doctor_or_drive(match: re.Match[str]) -> str | None:
    before, names_follow = _around(match)
    if names_follow:
        return "Doctor"
    if before[:1].isupper() and before.casefold() not in _NO_STREETS:
        return "Drive"
    return "doctor" if match[0] == "Dr." else None


RULES: Final = (
    Rule(
        re.compile(rf"(?<![\w.])(?:{_one_of(_NUMBERED)}) ?(?=[0-9])"),
        lambda match: _NUMBERED[match[0].rstrip()] + " ",
    ),
    Rule(
        re.compile(rf"(?<![\w./])(?:{_one_of(_TABLE)})(?!\w)"), lambda match: _TABLE[match[0]], digits=False
    ),
    Rule(
        re.compile(rf"(?<!\w)(?:{_one_of(_BEFORE_A_NAME)})(?= [A-Z])"),
        lambda match: _BEFORE_A_NAME[match[0]],
        digits=False,
    ),
    Rule(re.compile(r"(?<!\w)St\b\.?"), _saint_or_street, digits=False),
    Rule(re.compile(r"(?<!\w)Dr\b\.?"), _doctor_or_drive, digits=False),
)
