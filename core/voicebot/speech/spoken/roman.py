"""Roman numerals, where the word before says that they are ones."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule

__all__ = ["RULES"]

_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_NUMERAL: Final = r"(?P<numeral>(?=[IVXLC])C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?!\w)(?!\.\w)"
# A lone "I" is the pronoun, unless what follows speaks against it.
_AFTER_PART: Final = r"(?:(?<!\bI)|(?=[^\w\s'’]|$))"
_AFTER_NAME: Final = (
    r"(?:(?<!\bI)|(?=[^\w\s'’]|$| (?:and|of|in|to|was|began|ended|broke|ruled|reigned|died|had|has)\b))"
)
_PARTS: Final = (
    "Chapter|Part|Volume|Vol\\.|Book|Act|Scene|Section|Article|Appendix|Figure|Table|Phase|Stage|Type|Level|Class|"
    "Grade|Title|Episode|War|Bowl|Mark|Division|Schedule|Tier|Round|Protocol|Corps|Olympiad"
)
_RULERS: Final = (
    "Henry|Louis|Elizabeth|George|Edward|Charles|Richard|William|James|Philip|Paul|Pius|Benedict|Francis|Napoleon|"
    "Nicholas|Alexander|Peter|Catherine|Mary|Leo|Gregory|Innocent|Clement|Ivan|Frederick|Wilhelm|Otto|Ferdinand|"
    "Alfonso|Felipe|Carlos|Henri|Ramesses|Ramses|Thutmose|Amenhotep|Darius|Xerxes|Ptolemy|Harald|Olaf|Gustav|Christian|"
    "Haakon|Margrethe|Carl|Karl|Emmanuel|Mehmed|Murad|Selim|Urban|Sixtus|Boniface|Robert|Albert|Leopold|Joseph|Julius|"
    "Adrian|Casimir|Sigismund|Baldwin|Conrad|Constantine|Theodosius|Justinian|Pedro|Rama"
)


def _value(numeral: str) -> int:
    figures = [_VALUES[char] for char in numeral]
    return sum(
        -figure if figure < after else figure
        for figure, after in zip(figures, [*figures[1:], 0], strict=True)
    )


def _part(match: re.Match[str]) -> str | None:
    if match["numeral"] in ("C", "L"):  # letters, as in "Class C"
        return None
    return f"{match['name'].replace('ol.', 'olume')} {words.cardinal(_value(match['numeral']))}"


def _ruler(match: re.Match[str]) -> str | None:
    if match["numeral"] in ("C", "L"):
        return None
    return f"{match['name']} the {words.ordinal(_value(match['numeral']))}"


RULES: Final = (
    Rule(re.compile(rf"(?<!\w)(?P<name>{_PARTS}) {_NUMERAL}{_AFTER_NAME}"), _part, digits=False),
    Rule(re.compile(rf"(?<!\w)(?P<name>{_PARTS.casefold()}) {_NUMERAL}{_AFTER_PART}"), _part, digits=False),
    Rule(re.compile(rf"(?<!\w)(?P<name>{_RULERS}) {_NUMERAL}{_AFTER_NAME}"), _ruler, digits=False),
)
