"""A turn's milliseconds as lines of text, the way a browser draws a page's."""

from __future__ import annotations

from typing import Any

from voicebot.timeline import HOPS

__all__ = ["heard_line", "waterfall"]

WIDTH = 40


def waterfall(turn: dict[str, Any]) -> list[str]:
    """One line a hop, each bar where the hop was in time, and the total.

    Args:
        turn: a turn of the report (`TurnRecord.as_dict`); no lines where nothing was heard.
    """
    total = turn["voice_to_voice_ms"]
    stamps, hops = turn["timeline_ms"], turn["hops_ms"]
    if total is None or total <= 0:
        return []
    origin = stamps["speech_ended"]
    budget = turn["budget"] or {"over_ms": {}, "guilty": "", "within": True}
    lines = []
    for name, (start, _) in HOPS.items():
        if name in hops:
            bar = _bar(stamps[start] - origin, hops[name], total)
            lines.append(_line(name, hops[name], bar, name in budget["over_ms"]))
    lines.append(_line("orchestration", hops.get("orchestration", 0.0), "", False))
    over = "voice_to_voice" in budget["over_ms"]
    lines.append(_line("voice to voice", total, "=" * WIDTH, over))
    if turn["heard_voice_to_voice_ms"] is not None:
        lines.append(heard_line(turn["heard_voice_to_voice_ms"]))
    if not budget["within"]:
        lines.append(f"  over budget: {budget['guilty']} is to blame")
    return lines


def heard_line(ms: float) -> str:
    """Voice to voice as the listener's side measured it."""
    return f"  {'heard':<15}{ms:>7.0f} ms"


def _bar(start_ms: float, duration_ms: float, total_ms: float) -> str:
    first = min(max(round(start_ms / total_ms * WIDTH), 0), WIDTH - 1)
    length = max(1, round(duration_ms / total_ms * WIDTH))
    return " " * first + "#" * min(length, WIDTH - first)


def _line(name: str, ms: float, bar: str, over: bool) -> str:
    return f"  {name:<15}{ms:>7.0f} ms{' !' if over else '  '} |{bar:<{WIDTH}}|"
