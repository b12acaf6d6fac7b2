"""The report's numbers in words: names and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voicebot.timeline import HOPS

__all__ = ["LABELS", "interval", "value_and_ends"]

LABELS = {
    "voice_to_voice": "voice to voice",
    **{name: name for name in HOPS},
    "orchestration": "orchestration",
    "cut_off": "cut off, turns without long pauses",
    "unanswered": "not answered",
    "missed_interruption": "interruptions missed",
    "false_interruption": "answers ended by a cough, an echo, a word of agreement",
    "wer": "word error rate",
    "cpu_s_per_minute": "CPU s of the process per minute of call",
    "memory_mb": "memory of its engines, warm (MB)",
}
"""Hops keep the names that a profile's `budget` has for them."""


def interval(found: Mapping[str, Any], form: str, times: float = 1.0, *, sign: bool = False) -> str:
    """An estimate and its interval: "386 (371 to 402)", or with a sign "+12 (−3 to +27)"."""
    value, ends = value_and_ends(found, form, times, sign=sign)
    return f"{value} ({ends})" if ends else value


def value_and_ends(
    found: Mapping[str, Any], form: str, times: float = 1.0, *, sign: bool = False
) -> tuple[str, str]:
    """The two parts of it; the second is "" where there are too few calls for an interval."""

    def text(value: float) -> str:
        size = form.format(abs(value * times))
        if not float(size) or (value > 0 and not sign):
            return size
        return ("+" if value > 0 else "−") + size

    low, high = found["low"], found["high"]
    return text(found["value"]), "" if low is None else f"{text(low)} to {text(high)}"
