"""What English writes otherwise than it says."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from voicebot.speech.spoken import (
    abbreviations,
    addresses,
    codes,
    dates,
    money,
    numbers,
    phones,
    roman,
    symbols,
    times,
    units,
)
from voicebot.speech.spoken.rules import Rule

__all__ = ["MONTH_FIRST", "rules"]

MONTH_FIRST: Final = frozenset(("", "US", "PH"))
"""Regions of English where 12/05 is the fifth of December. No region: as most of what models have read."""


@lru_cache(maxsize=2)
def rules(*, day_first: bool) -> tuple[Rule, ...]:
    """In order: the first that matches a stretch has it."""
    return (
        *addresses.RULES,
        *dates.rules(day_first=day_first),
        *phones.RULES,
        *times.RULES,
        *money.RULES,
        *units.RULES,
        *roman.RULES,
        *numbers.RULES,
        *codes.RULES,
        *abbreviations.RULES,
        *symbols.RULES,
    )
