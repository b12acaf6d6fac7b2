"""Numbers in languages other than English: whole and decimal ones, where num2words knows the language.

Only numbers that stand alone: dates, times, sums, ordinals ("3. Mai") and units are left as they were written, since
engines have rules of their own for them. So is "1", whose word mostly depends on the noun.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache, partial
from typing import Final

from voicebot.speech.spoken.rules import Rule

__all__ = ["rules"]

_COMMA: Final = frozenset(
    ("az", "be", "bg", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "hr", "hu", "hy", "id", "is", "it",
     "kk", "lt", "lv", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "tr", "uk", "vi")
)  # fmt: skip
"""Languages with a decimal comma; the others have a decimal point."""
_NAMES: Final = {"nb": "no", "nn": "no", "kk": "kz", "da": "dk", "cs": "cz"}
"""What num2words calls languages, where it does not use (or in old versions did not) ISO 639-1."""
_WORDS: Final = re.compile(r"\s*[^\W\d_][^\d_()\[\]/%]*")
_LEFT: Final = r"(?<![\w$€£¥₹₩₽#@+−-])(?<![0-9][.,:/' ])(?<![0-9]['’])"
_RIGHT: Final = r"(?!\w)(?![.,:/'’–-][0-9])(?! [0-9])(?! ?[$€£¥₹₩₽%°‰×=])(?!\.(?: \w|\w))"


@lru_cache(maxsize=64)
def rules(primary: str, region: str) -> tuple[Rule, ...]:
    """Args: primary: the language's subtag, lower case; region: its region, upper case, or ""."""
    language = _known(primary, region)
    if language is None:
        return ()
    grouping, point = (r"[. \u00a0\u202f]", ",") if primary in _COMMA else (",", r"\.")
    number = (
        rf"(?:[1-9][0-9]{{0,2}}(?:{grouping}[0-9]{{3}}){{1,4}}|[1-9][0-9]{{0,11}}|0)(?:{point}[0-9]{{1,6}})?"
    )
    return (Rule(re.compile(_LEFT + number + _RIGHT), partial(_say, language=language, point=point[-1])),)


def _known(primary: str, region: str) -> str | None:
    """What num2words calls the language; None where it has none of it."""
    from num2words import CONVERTER_CLASSES

    names = (f"{primary}_{region}", primary, _NAMES.get(primary, ""))
    return next((name for name in names if name in CONVERTER_CLASSES), None)


def _say(match: re.Match[str], *, language: str, point: str) -> str | None:
    text = match[0]
    groups = text.split(" ")
    if len(groups) == 3 and len(groups[0]) == 3 and groups[1:] != ["000", "000"]:
        return None  # in some countries a telephone number looks like that
    whole, _, fraction = text.partition(point)
    figures = re.sub("[^0-9]", "", whole)
    if figures == "1" and not fraction:
        return None
    return _in_words(f"{figures}.{fraction}" if fraction else figures, language, is_year=len(whole) == 4)


@lru_cache(maxsize=1024)
def _in_words(figures: str, language: str, *, is_year: bool) -> str | None:
    from num2words import num2words

    to = "year" if is_year and "1100" <= figures < "2100" else "cardinal"
    try:
        words = num2words(Decimal(figures) if "." in figures else int(figures), lang=language, to=to)
    except Exception:  # its converters raise whatever they run into
        return None
    if not isinstance(words, str) or not _WORDS.fullmatch(words):
        return None
    return words.replace(",", "").strip()
