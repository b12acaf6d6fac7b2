"""A turn's milliseconds as bars, out of what a call worker reported of it."""

from __future__ import annotations

import math
from typing import Any

from voicebot.supervising.reported import LONGEST_MS, as_mapping
from voicebot.timeline import HOPS

__all__ = ["measured", "turn_shown"]

TOTAL = "voice_to_voice"


def turn_shown(report: Any) -> dict[str, Any] | None:
    """The bars of an exchange, without a word of what was said; None where no answer was heard.

    Args:
        report: as `TurnRecord.as_dict` makes it; it comes from another process, and may be anything.

    Returns:
        `turn`, `ended`, `ms` (voice to voice), `heard_ms`, `over` (the budget), `guilty`, and `hops`: each with its
        `start_ms` after the user's last sample (less than 0: before it), its `ms`, and whether it is `over`.
    """
    if not isinstance(report, dict) or not isinstance(report.get("turn"), int):
        return None
    total = measured(report.get("voice_to_voice_ms"))
    stamps, hops = as_mapping(report.get("timeline_ms")), as_mapping(report.get("hops_ms"))
    origin = measured(stamps.get("speech_ended"))
    if total is None or origin is None:
        return None
    verdict = as_mapping(report.get("budget"))
    over, guilty = as_mapping(verdict.get("over_ms")), verdict.get("guilty")
    bars = []
    for name, (start, _) in HOPS.items():
        at, ms = measured(stamps.get(start)), measured(hops.get(name))
        if at is not None and ms is not None:
            bars.append({"hop": name, "start_ms": at - origin, "ms": ms, "over": name in over})
    ended = report.get("ended")
    return {
        "turn": report["turn"],
        "ended": ended if ended in ("finished", "interrupted", "failed") else "",
        "ms": total,
        "heard_ms": measured(report.get("heard_voice_to_voice_ms")),
        "over": TOTAL in over or bool(guilty),
        "guilty": guilty if isinstance(guilty, str) and guilty in hops else "",
        "hops": bars,
        "rest_ms": measured(hops.get("orchestration")) or 0.0,
    }


def measured(value: Any) -> float | None:
    """A number of milliseconds, or None where it is none."""
    # An int may be longer than a float can be.
    if not isinstance(value, int | float) or isinstance(value, bool) or not -LONGEST_MS < value < LONGEST_MS:
        return None
    return None if math.isnan(value) else round(float(value), 1)
