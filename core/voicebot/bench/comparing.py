"""One profile measured, or two side by side on the same calls: what tables, pictures and the verdict are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from voicebot.bench.estimate import Estimate, difference, estimate, median, p90, pooled
from voicebot.bench.proportions import share, share_difference
from voicebot.bench.scoring import TurnResult
from voicebot.timeline import HOPS

__all__ = ["LATENCIES", "compare"]

LATENCIES = ("voice_to_voice", *HOPS, "orchestration")

Flag = Callable[[TurnResult], bool | None]
"""Whether it happened in a call; None where a call says nothing of it."""
Part = Callable[[TurnResult], tuple[float, float]]
"""So much, of so much."""


def _cut_off(turn: TurnResult) -> bool | None:
    broken = turn.fault and turn.voice_to_voice_ms is None and not turn.cut_off
    return None if broken or turn.has_long_pause else turn.cut_off


def _unanswered(turn: TurnResult) -> bool | None:
    return turn.voice_to_voice_ms is None and not turn.cut_off


def _missed(turn: TurnResult) -> bool | None:
    barge = turn.barge
    return barge.missed if barge is not None and barge.kind == "interruption" else None


def _false_interruption(turn: TurnResult) -> bool | None:
    barge = turn.barge
    return barge.false_interruption if barge is not None and barge.kind != "interruption" else None


def _words(turn: TurnResult) -> tuple[float, float]:
    return turn.word_errors, turn.words


def _cpu(turn: TurnResult) -> tuple[float, float]:
    return turn.cpu_s, turn.duration_s / 60


FLAGS: dict[str, Flag] = {
    "cut_off": _cut_off,
    "unanswered": _unanswered,
    "missed_interruption": _missed,
    "false_interruption": _false_interruption,
}


def compare(
    turns: Sequence[TurnResult],
    others: Sequence[TurnResult] | None,
    *,
    budget_ms: Mapping[str, float],
    memory_mb: Sequence[float | None],
) -> dict[str, Any]:
    """Estimates of a profile (`profile`), of another one on the same scenarios (`against`), and of what is between.

    Args:
        others: the other profile's calls, in the same order; None where there is none.
        budget_ms: by hop, of the first profile.
        memory_mb: of each profile's engines.

    Returns:
        `latency_ms`, `rates` and `cost`, each by name. A difference is the first profile's less the other's, and a
        ratio below 1 is faster; both are medians over the pairs.
    """
    latency = {
        name: {"budget": budget_ms.get(name)} | _latency(name, turns, others)
        for name in LATENCIES
        if any(_ms(turn, name) is not None for turn in (*turns, *(others or ())))
    }
    cost = {"cpu_s_per_minute": _pooled(_cpu, turns, others)}
    if others is not None:
        cost["memory_mb"] = dict(zip(("profile", "against"), memory_mb, strict=True))
    return {
        "latency_ms": latency,
        "rates": {name: _share(flag, turns, others) for name, flag in FLAGS.items()}
        | {"wer": _pooled(_words, turns, others)},
        "cost": cost,
    }


def _ms(turn: TurnResult, name: str) -> float | None:
    return turn.voice_to_voice_ms if name == "voice_to_voice" else turn.hops_ms.get(name)


def _latency(name: str, turns: Sequence[TurnResult], others: Sequence[TurnResult] | None) -> dict[str, Any]:
    def alone(calls: Sequence[TurnResult]) -> dict[str, Any]:
        rows = [(ms,) for turn in calls if (ms := _ms(turn, name)) is not None]
        return {"median": _dict(estimate(rows, median)), "p90": _dict(estimate(rows, p90))}

    if others is None:
        return {"profile": alone(turns)}
    pairs = [
        (ours, theirs)
        for turn, other in zip(turns, others, strict=False)
        if (ours := _ms(turn, name)) is not None and (theirs := _ms(other, name)) is not None
    ]
    ratios = [(ours / theirs,) for ours, theirs in pairs if theirs > 0]
    return {
        "profile": alone(turns),
        "against": alone(others),
        "difference": _dict(estimate([(ours - theirs,) for ours, theirs in pairs], median)),
        "ratio": _dict(estimate(ratios, median)),
    }


def _share(flag: Flag, turns: Sequence[TurnResult], others: Sequence[TurnResult] | None) -> dict[str, Any]:
    def alone(calls: Sequence[TurnResult]) -> dict[str, Any] | None:
        return _dict(share([found for turn in calls if (found := flag(turn)) is not None]))

    if others is None:
        return {"profile": alone(turns)}
    pairs = [
        (ours, theirs)
        for turn, other in zip(turns, others, strict=False)
        if (ours := flag(turn)) is not None and (theirs := flag(other)) is not None
    ]
    return {"profile": alone(turns), "against": alone(others), "difference": _dict(share_difference(pairs))}


def _pooled(part: Part, turns: Sequence[TurnResult], others: Sequence[TurnResult] | None) -> dict[str, Any]:
    def alone(calls: Sequence[TurnResult]) -> dict[str, Any] | None:
        return _dict(estimate([part(turn) for turn in calls], pooled))

    if others is None:
        return {"profile": alone(turns)}
    pairs = [(*part(turn), *part(other)) for turn, other in zip(turns, others, strict=False)]
    return {
        "profile": alone(turns),
        "against": alone(others),
        "difference": _dict(estimate(pairs, difference)),
    }


def _dict(found: Estimate | None) -> dict[str, Any] | None:
    return None if found is None else found.as_dict()
