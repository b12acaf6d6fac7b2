"""Whether a run passes: its medians against the profile's budget, and the profile against another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voicebot.bench.estimate import FEWEST, surely
from voicebot.bench.wording import LABELS, interval

__all__ = ["judge"]

TOTAL = "voice_to_voice"

Breach = dict[str, str]
"""`rule` ("measured", "budget", "regression" or "rate"), `name` of the number, `guilty` hop or "", and `says`."""


def judge(compared: Mapping[str, Any], *, fail_over: float | None) -> dict[str, Any]:
    """What a run breaks of its limits.

    A hop, or the whole of voice to voice, is over budget where its median is. With `fail_over` the profile also fails
    where it surely takes longer than so many times the other's voice to voice, or is surely worse in one of the rates:
    "surely" is an interval that lies on that side whole.

    Args:
        compared: of `compare`.
        fail_over: 1.1 allows a tenth more than the other profile; None: the two are not judged against each other.

    Returns:
        `breaches`, and `doubts`: what would be one if it were certain, in words.
    """
    latency = compared["latency_ms"]
    breaches = [*_unmeasured(latency), *_over_budget(latency)]
    doubts: list[str] = []
    if fail_over is not None:
        regressions, doubts = _regression(latency, fail_over)
        breaches += [*regressions, *_worse_rates(compared["rates"])]
    return {"fail_over": fail_over, "breaches": breaches, "doubts": doubts}


def _unmeasured(latency: Mapping[str, Any]) -> Iterator[Breach]:
    if _median(latency, TOTAL) is None:
        yield _breach("measured", TOTAL, "", "was not measured: no call was answered")


def _over_budget(latency: Mapping[str, Any]) -> Iterator[Breach]:
    over = {
        name: median - row["budget"]
        for name, row in latency.items()
        if row["budget"] is not None and (median := _median(latency, name)) is not None
    }
    over = {name: by for name, by in over.items() if by > 0}
    hops = {name: by for name, by in over.items() if name != TOTAL}
    for name, by in over.items():
        row, guilty = latency[name], name
        says = f"median {_median(latency, name):.0f} ms, {by:.0f} over its budget of {row['budget']:.0f} ms"
        if name == TOTAL:
            # Where every hop is within its own budget, or has none, the longest is to blame.
            medians = {hop: _median(latency, hop) or 0.0 for hop in latency if hop != TOTAL}
            guilty = _largest(hops or medians)
            says += f"; guilty: {guilty}" if guilty else ""
        yield _breach("budget", name, guilty, says)


def _regression(latency: Mapping[str, Any], limit: float) -> tuple[list[Breach], list[str]]:
    row = latency.get(TOTAL) or {}
    ratio = row.get("ratio")
    if ratio is None or ratio["low"] is None:
        pairs = 0 if ratio is None else ratio["n"]
        says = f"cannot be compared: {pairs} of the calls were answered by both, and {FEWEST} are needed"
        return [_breach("regression", TOTAL, "", says)], []
    if ratio["value"] <= limit:
        return [], []
    says = f"{interval(ratio, '{:.2f}')} times as long as the other's; the limit is {limit:g}"
    if ratio["low"] <= limit:
        return [], [f"{LABELS[TOTAL]}: {says}. With {ratio['n']} pairs that is not certain: hold more calls."]
    differences = {name: row["difference"] for name, row in latency.items() if name != TOTAL}
    known = {name: found["value"] for name, found in differences.items() if found is not None}
    guilty = _largest({name: by for name, by in known.items() if by > 0})
    if guilty:
        says += f"; guilty: {guilty}, {interval(differences[guilty], '{:.0f}', sign=True)} ms"
    return [_breach("regression", TOTAL, guilty, says)], []


def _worse_rates(rates: Mapping[str, Any]) -> Iterator[Breach]:
    for name, row in rates.items():
        found = row.get("difference")
        if surely(found) > 0:
            yield _breach(
                "rate", name, "", f"{interval(found, '{:.1f}', 100, sign=True)} points against the other's"
            )


def _breach(rule: str, name: str, guilty: str, says: str) -> Breach:
    return {"rule": rule, "name": name, "guilty": guilty, "says": f"{LABELS[name]}: {says}"}


def _median(latency: Mapping[str, Any], name: str) -> float | None:
    found = latency.get(name, {}).get("profile", {}).get("median")
    return None if found is None else float(found["value"])


def _largest(values: Mapping[str, float]) -> str:
    return max(values, key=values.__getitem__) if values else ""
