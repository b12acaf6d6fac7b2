"""What is said of a call: put yours in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def summary(call_id: str, report: Mapping[str, Any]) -> str:
    """One line about a call that is over.

    Args:
        report: as `voicebot call --json` writes it.
    """
    answers = [turn["voice_to_voice_ms"] for turn in report["turns"]]
    slowest = max((ms for ms in answers if ms is not None), default=None)
    said = "no answers" if slowest is None else f"the slowest answer took {slowest:.0f} ms"
    return f"call {call_id}: {len(answers)} turns, {said}"
