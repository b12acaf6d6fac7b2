"""Many turns in a few numbers. A number that nothing was measured for is None, never NaN."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from voicebot.bench.barges import BargeResult
from voicebot.bench.scoring import TurnResult

__all__ = ["percentile", "rate", "summarise"]

_FEW = 10
"""With fewer samples, p99 is their maximum."""
_PAUSES = ("no pause", "up to 0.5 s", "0.5 to 1 s", "over 1 s")


def percentile(values: Iterable[float | None], q: float) -> float | None:
    """Of those that were measured."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return round(max(known) if q >= 99 and len(known) < _FEW else float(np.percentile(known, q)), 1)


def rate(flags: Iterable[bool]) -> float | None:
    """The share of those that are true."""
    known = list(flags)
    return round(sum(known) / len(known), 4) if known else None


def summarise(turns: Sequence[TurnResult], *, peak_rss_mb: float | None = None) -> dict[str, Any]:
    """The numbers of a run, in ms, shares of 1, words and CPU seconds."""
    # A call that broke down says nothing of when the turn would have been taken for over.
    held = [turn for turn in turns if not turn.fault or turn.voice_to_voice_ms is not None or turn.cut_off]
    voice_to_voice = [turn.voice_to_voice_ms for turn in turns]
    return {
        "scenarios": len(turns),
        "measured": sum(value is not None for value in voice_to_voice),
        "voice_to_voice_median_ms": percentile(voice_to_voice, 50),
        "voice_to_voice_p90_ms": percentile(voice_to_voice, 90),
        "voice_to_voice_p99_ms": percentile(voice_to_voice, 99),
        "server_voice_to_voice_median_ms": percentile((t.server_voice_to_voice_ms for t in turns), 50),
        "cut_off_rate": rate(turn.cut_off for turn in held if not turn.has_long_pause),
        "cut_off_rate_all": rate(turn.cut_off for turn in held),
        "cut_off_by_pause": _by_pause(held),
        **_barges([turn.barge for turn in turns if turn.barge is not None]),
        "wer": _wer(turns),
        "hops_median_ms": _hops(turns),
        **_cost(turns),
        "peak_rss_mb": peak_rss_mb,
        "faults": _counts(turn.fault for turn in turns if turn.fault),
        "errors": _counts(error for turn in turns for error in turn.errors),
    }


def _by_pause(turns: Sequence[TurnResult]) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[bool]] = {}
    for turn in turns:
        index = (
            0 if turn.longest_pause_ms <= 0 else int(np.searchsorted((500, 1000), turn.longest_pause_ms)) + 1
        )
        groups.setdefault(_PAUSES[index], []).append(turn.cut_off)
    return {
        name: {"turns": len(flags), "cut_off_rate": rate(flags)}
        for name in _PAUSES
        if (flags := groups.get(name))
    }


def _barges(barges: Sequence[BargeResult]) -> dict[str, Any]:
    real = [barge for barge in barges if barge.kind == "interruption"]
    others = [barge for barge in barges if barge.kind != "interruption"]
    stops = [barge.stop_ms for barge in real]
    decisions = [barge.decision_to_silence_ms for barge in real]
    ledger = [abs(barge.ledger_error_words) for barge in real if barge.ledger_error_words is not None]
    return {
        "interruptions": len(real),
        "missed_interruption_rate": rate(barge.missed for barge in real),
        "stop_median_ms": percentile(stops, 50),
        "stop_p90_ms": percentile(stops, 90),
        "stop_max_ms": percentile(stops, 100),
        "decision_median_ms": percentile((barge.decision_ms for barge in real), 50),
        "decision_to_silence_max_ms": percentile(decisions, 100),
        "other_sounds": len(others),
        "false_interruption_rate": rate(barge.false_interruption for barge in others),
        "false_interruptions": _counts(barge.kind for barge in others if barge.false_interruption),
        "false_holds": sum(1 for barge in others if barge.held_ms and not barge.ended_answer),
        "false_hold_median_ms": percentile(
            (barge.held_ms for barge in others if barge.held_ms and not barge.ended_answer), 50
        ),
        "all_resumed_rate": rate(bool(b.all_resumed) for b in others if b.all_resumed is not None),
        "extra_turns": sum(barge.extra_turns for barge in others),
        "ledger_checked": len(ledger),
        "ledger_error_words_mean": round(float(np.mean(ledger)), 2) if ledger else None,
        "ledger_error_words_max": max(ledger, default=None),
        "ledger_within_2_words": rate(error <= 2 for error in ledger),
    }


def _wer(turns: Sequence[TurnResult]) -> float | None:
    total = sum(turn.words for turn in turns)
    return round(sum(turn.word_errors for turn in turns) / total, 4) if total else None


def _hops(turns: Sequence[TurnResult]) -> dict[str, float | None]:
    names = dict.fromkeys(name for turn in turns for name in turn.hops_ms)
    return {name: percentile((turn.hops_ms.get(name) for turn in turns), 50) for name in names}


def _cost(turns: Sequence[TurnResult]) -> dict[str, Any]:
    duration_s = sum(turn.duration_s for turn in turns)
    cpu_s = sum(turn.cpu_s for turn in turns)
    discarded = [costs for turn in turns for costs in turn.discarded]
    return {
        "cpu_s_per_minute": round(cpu_s / duration_s * 60, 2) if duration_s else None,
        "cpu_share": round(cpu_s / duration_s / (os.cpu_count() or 1), 4) if duration_s else None,
        "discarded_speculations": len(discarded),
        "wasted_tokens": sum(int(costs["tokens"]) for costs in discarded),
        "wasted_audio_ms": round(sum(float(costs["audio_ms"]) for costs in discarded)),
        "wasted_cpu_ms": round(sum(float(costs["cpu_ms"]) for costs in discarded)),
    }


def _counts(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts
