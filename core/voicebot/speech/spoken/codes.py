"""Words made of letters and figures: "A4", "MP3", "RTX4090", "5G", "COVID-19"."""

from __future__ import annotations

import re
from typing import Final

from voicebot.speech.spoken import words
from voicebot.speech.spoken.rules import Rule

__all__ = ["RULES"]

_PART: Final = re.compile("[0-9]+|[^0-9]+")


def _say(match: re.Match[str]) -> str:
    parts = [words.code_number(part) if part[0] in "0123456789" else part for part in _PART.findall(match[0])]
    # Behind a hyphen an "A" is the letter to all voices, before a space the article to some.
    return " ".join(parts).replace("A ", "A-") if parts[0] == "A" else " ".join(parts)


RULES: Final = (
    Rule(re.compile(r"(?<!\w)(?=[A-Za-z]{0,23}[0-9])(?=[0-9]{0,23}[A-Za-z])[A-Za-z0-9]{2,24}(?!\w)"), _say),
)
