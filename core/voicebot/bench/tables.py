"""A report as tables: what stands in which cell, for Markdown and HTML alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from voicebot.bench.estimate import LEVEL, surely
from voicebot.bench.wording import LABELS, value_and_ends

__all__ = ["Cell", "Table", "conditions", "headline", "legend", "tables"]

_MARKS = {1: " ▲", 0: "", -1: " ▼"}


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    ends: str = ""
    """Of the interval, or what else is to be known of it."""
    tone: int = 0
    """1 worse, -1 better."""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def headline(report: Mapping[str, Any]) -> str:
    """Whether it passed, and whether it was cut short."""
    state = "failed" if report["verdict"]["breaches"] else "passed"
    return f"{state}, but stopped early" if report["partial"] else state


def tables(report: Mapping[str, Any]) -> list[Table]:
    """Latency, behaviour and cost; the first column names the row."""
    two = "against" in report
    latency = ("A median", "A p90", "B median", "B p90", "A − B", "A / B") if two else ("median", "p90")
    budget = ("budget",) if report["budget_ms"] else ()
    return [
        Table("Latency (ms)", ("", *latency, *budget), tuple(_latency_rows(report, two))),
        Table(
            "Behaviour (%)",
            ("", "A", "B", "A − B, points") if two else ("", "share"),
            tuple(_rate_rows(report["compared"]["rates"], two)),
        ),
        Table("Cost", ("", "A", "B", "A − B") if two else ("", ""), tuple(_cost_rows(report, two))),
    ]


def legend(report: Mapping[str, Any]) -> str:
    """How to read the cells."""
    ends = f"With each number comes its {LEVEL * 100:.0f} % interval."
    if "against" not in report:
        return ends
    return (
        f"{ends} A − B and A / B are medians over the calls that both answered. "
        "▲ surely worse, ▼ surely better: the whole interval is on that side."
    )


def conditions(report: Mapping[str, Any]) -> str:
    """Where and how the numbers were taken."""
    host = report["machine"]
    calls = len(report["turns"])
    each = f"{calls} calls each, call by call in turns" if "against" in report else f"{calls} calls"
    return (
        f"{each}, seed {report['seed']}; {host['cpu']}, {host['cores']} cores, {host['system']}, "
        f"Python {host['python']}, voicebot {report['voicebot']}."
    )


def _latency_rows(report: Mapping[str, Any], two: bool) -> Iterator[tuple[Cell, ...]]:
    for name, row in report["compared"]["latency_ms"].items():
        cells = [Cell(LABELS[name])]
        for side in ("profile", "against") if two else ("profile",):
            cells += [_plain(row[side][key], "{:.0f}") for key in ("median", "p90")]
        if two:
            cells += [_difference(row["difference"], "{:.0f}"), _plain(row["ratio"], "{:.2f}")]
        if report["budget_ms"]:
            cells.append(_budget(row))
        yield tuple(cells)


def _rate_rows(rates: Mapping[str, Any], two: bool) -> Iterator[tuple[Cell, ...]]:
    for name, row in rates.items():
        if row["profile"] is None and row.get("against") is None:
            continue
        cells = [Cell(LABELS[name]), _of(row["profile"], 100)]
        if two:
            cells += [_of(row["against"], 100), _difference(row["difference"], "{:.1f}", 100)]
        yield tuple(cells)


def _cost_rows(report: Mapping[str, Any], two: bool) -> Iterator[tuple[Cell, ...]]:
    cost = report["compared"]["cost"]
    cpu = cost["cpu_s_per_minute"]
    cells = [Cell(LABELS["cpu_s_per_minute"]), _of(cpu["profile"], 1)]
    if not two:
        yield tuple(cells)
        yield Cell("peak memory of the process (MB)"), Cell(_number(report["summary"]["peak_rss_mb"]))
        return
    yield (*cells, _of(cpu["against"], 1), _difference(cpu["difference"], "{:.1f}"))
    ours, theirs = (cost["memory_mb"][side] for side in ("profile", "against"))
    between = "–" if ours is None or theirs is None else f"{ours - theirs:+.0f}".replace("-", "−")
    yield Cell(LABELS["memory_mb"]), Cell(_number(ours)), Cell(_number(theirs)), Cell(between)


def _plain(found: Mapping[str, Any] | None, form: str) -> Cell:
    return Cell("–") if found is None else Cell(*value_and_ends(found, form))


def _of(found: Mapping[str, Any] | None, times: float) -> Cell:
    if found is None:
        return Cell("–")
    value, ends = value_and_ends(found, "{:.1f}", times)
    return Cell(value, ", ".join(filter(None, [ends, f"n={found['n']}"])))


def _difference(found: Mapping[str, Any] | None, form: str, times: float = 1.0) -> Cell:
    if found is None:
        return Cell("–")
    tone = surely(found)
    value, ends = value_and_ends(found, form, times, sign=True)
    return Cell(value + _MARKS[tone], ends, tone)


def _budget(row: Mapping[str, Any]) -> Cell:
    limit, median = row["budget"], row["profile"]["median"]
    if limit is None:
        return Cell("")
    over = median is not None and median["value"] > limit
    return Cell(f"{limit:.0f}", "exceeded" if over else "", int(over))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
