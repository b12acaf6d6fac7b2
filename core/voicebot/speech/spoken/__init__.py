"""Text as it is said: "$42.50" becomes "forty-two dollars and fifty cents", before a voice gets it.

Engines read figures, dates, units and abbreviations differently, and often badly; written out, they all read the same.
`SpokenText` maps what was heard of the spoken words back to the text as it was written, which is what history keeps.

One file per class of thing that is written otherwise than it is said. English has all of them; other languages have
whole and decimal numbers, where num2words knows the language, and everything else stays as it was written.
"""

from __future__ import annotations

from voicebot.speech.spoken import english, other
from voicebot.speech.spoken.mapping import SpokenText
from voicebot.speech.spoken.rules import find_edits

__all__ = ["SpokenText", "spoken"]


def spoken(text: str, language: str) -> SpokenText:
    """What a voice is given in place of `text`, in time linear in its length.

    Plain words and punctuation stay as they are, and so does everything that is not understood.

    Args:
        text: a clause, without markup; it may begin and end in the middle of a sentence.
        language: BCP 47. Its region says whether 12/05 is in December ("en", "en-US") or in May ("en-GB").
    """
    primary, *subtags = language.replace("_", "-").split("-")
    region = next((tag.upper() for tag in subtags if len(tag) == 2), "")
    if primary.casefold() == "en":
        rules = english.rules(day_first=region not in english.MONTH_FIRST)
    else:
        rules = other.rules(primary.casefold(), region)
    return SpokenText.of(text, find_edits(text, rules))
