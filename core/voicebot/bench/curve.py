"""The price of patience: how often an agent cuts in, against how long it makes the user wait, by replay of a run.

A run of the bench records every pause: whether it was the end of the turn by the scenario's word, how long it lasted,
what the end-of-turn model said of it and when, and, for the last one, when the answer's first audio was ready. With
other delays, each pause would have come out differently; that can be computed:

    silence             every pause is waited out for the same delay d; the answer is made after that, hop by hop
    smart               the delay is the one that the model's verdicts choose, times a factor
    smart, speculating  as smart, but the answer is made during the wait: heard when both are over; and a turn does not
                        end before its transcript has come, as far as the run knows when that was

Voice to voice is (the server's lag behind the last sample) + (wait and work, as above) + (what else the measured turn
took). A turn is cut off when one of its pauses that was not its end lasted longer than it would have been waited for.
Cut-off turns are not among the latencies, neither of a curve nor of the measured point beside it. What a replay leaves
out: the load that another choice would have put on the machine, and later verdicts that a pause ended too early for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["DELAYS_MS", "FACTORS", "Curve", "Point", "curves", "measured", "wait_ms"]

DELAYS_MS = tuple(float(delay) for delay in range(100, 2001, 50))
FACTORS = tuple(round(0.2 * 1.08**step, 3) for step in range(34))

Wait = Callable[[Mapping[str, Any]], float]
"""How long a recorded pause would be waited out, in ms."""


@dataclass(frozen=True, slots=True)
class Point:
    setting: float
    """The delay in ms, or the factor."""
    cut_off_rate: float
    voice_to_voice_median_ms: float | None
    """None where every turn was cut off."""


@dataclass(frozen=True, slots=True)
class Curve:
    label: str
    points: tuple[Point, ...]


def curves(turns: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """The three curves of a run's turns (the report's `turns`).

    Turns without a measured answer or without a judged last pause cannot be replayed and are left out.
    """
    usable = [turn for turn in turns if _replayable(turn)]
    if not usable:
        return []

    def smart(factor: float) -> Wait:
        return lambda pause: wait_ms(pause, factor)

    def with_text(factor: float) -> Wait:
        return lambda pause: max(wait_ms(pause, factor), float(pause.get("text_ms") or 0))

    def silence(delay_ms: float) -> Wait:
        return lambda pause: delay_ms

    return [
        Curve("silence", tuple(_point(usable, d, silence(d), speculating=False) for d in DELAYS_MS)),
        Curve("smart", tuple(_point(usable, f, smart(f), speculating=False) for f in FACTORS)),
        Curve(
            "smart, speculating", tuple(_point(usable, f, with_text(f), speculating=True) for f in FACTORS)
        ),
    ]


def measured(turns: Sequence[Mapping[str, Any]]) -> Point | None:
    """What the run itself came to, over the turns that are replayed; None where there are none."""
    usable = [turn for turn in turns if _replayable(turn)]
    if not usable:
        return None
    waits = [turn["voice_to_voice_ms"] for turn in usable if not turn["cut_off"]]
    rate = sum(bool(turn["cut_off"]) for turn in usable) / len(usable)
    return Point(1.0, rate, float(np.median(waits)) if waits else None)


def wait_ms(pause: Mapping[str, Any], factor: float) -> float:
    """How long a pause would be waited out if every delay that the model chose were `factor` times as long.

    A later verdict counts only if the wait that the earlier ones chose is not over when it comes. The last one's delay
    is what was waited for in the end: within the profile's limits, and longer where the words said that more follows.
    """
    verdicts = sorted(pause.get("verdicts") or (), key=lambda verdict: float(verdict["at_ms"]))
    if not verdicts:
        return float(pause["delay_ms"]) * factor
    wait = math.inf
    for number, verdict in enumerate(verdicts, 1):
        at_ms = float(verdict["at_ms"])
        if at_ms >= wait:
            break
        chosen = pause if number == len(verdicts) else verdict
        wait = max(at_ms, float(chosen["delay_ms"]) * factor)
    return wait


def _replayable(turn: Mapping[str, Any]) -> bool:
    ends = any(pause["true_end"] for pause in turn.get("pauses") or ())
    return bool(turn.get("timing")) and ends and turn.get("voice_to_voice_ms") is not None


def _point(turns: Sequence[Mapping[str, Any]], setting: float, wait: Wait, *, speculating: bool) -> Point:
    latencies, cut_offs = [], 0
    for turn in turns:
        inside = [pause for pause in turn["pauses"] if not pause["true_end"]]
        if any(float(pause["lasted_ms"]) > wait(pause) for pause in inside):
            cut_offs += 1
            continue
        last = next(pause for pause in reversed(turn["pauses"]) if pause["true_end"])
        timing, waited = turn["timing"], wait(last)
        work = max(waited, timing["ready_ms"]) if speculating else waited + timing["serial_ms"]
        latencies.append(timing["lag_ms"] + work + timing["rest_ms"])
    return Point(setting, cut_offs / len(turns), float(np.median(latencies)) if latencies else None)
