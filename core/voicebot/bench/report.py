"""A run of the bench as data and as text."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from numbers import Integral, Real
from typing import Any

from voicebot._version import __version__
from voicebot.bench.comparing import compare
from voicebot.bench.estimate import LEVEL
from voicebot.bench.scoring import TurnResult
from voicebot.bench.summary import percentile, summarise
from voicebot.bench.verdict import judge
from voicebot.bench.wording import interval

__all__ = ["as_dict", "lines", "machine", "plain_json", "running_median"]


def machine() -> dict[str, Any]:
    """What the numbers were taken on."""
    model = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            model = next(
                (line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), ""
            )
    except OSError:
        pass
    return {
        "cpu": model or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def as_dict(
    results: dict[str, Sequence[TurnResult]],
    *,
    seed: int,
    budget_ms: Mapping[str, float],
    planned: int,
    peak_rss_mb: float | None,
    memory_mb: Sequence[float | None] = (),
    fail_over: float | None = None,
) -> dict[str, Any]:
    """The report of one profile, or of two on the same scenarios.

    Args:
        results: by profile, the one under test first.
        budget_ms: of that one, by hop; empty: it is not judged by one.
        planned: how many scenarios were to be held; with fewer results the report says that it is partial.
        peak_rss_mb: of the process, which held all profiles' engines.
        memory_mb: of each profile's engines in a process of their own, where there are two.
        fail_over: see `verdict.judge`.
    """
    (name, turns), *others = results.items()
    report = {
        "voicebot": __version__,
        "profile": name,
        "seed": seed,
        "partial": min(map(len, results.values())) < planned,
        "machine": machine(),
        "budget_ms": dict(budget_ms),
        "summary": summarise(turns, peak_rss_mb=peak_rss_mb),
        "turns": [asdict(turn) for turn in turns],
    }
    for other, theirs in others:
        report["against"] = {
            "profile": other,
            "summary": summarise(theirs, peak_rss_mb=peak_rss_mb),
            "turns": [asdict(turn) for turn in theirs],
        }
    rest = others[0][1] if others else None
    compared = compare(turns, rest, budget_ms=budget_ms, memory_mb=memory_mb)
    report |= {"compared": compared, "verdict": judge(compared, fail_over=fail_over)}
    cleaned: dict[str, Any] = plain_json(report)
    return cleaned


def plain_json(value: Any) -> Any:
    """A copy that is JSON: what an engine reports may hold its library's numbers, and numbers that are none (null)."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain_json(child) for key, child in value.items()}
    if isinstance(value, Iterable):
        return [plain_json(child) for child in value]
    return str(value)


# --- text -------------------------------------------------------------------------------------------------------------


def lines(report: dict[str, Any]) -> list[str]:
    """The report as a table, a column for each profile."""
    columns = [report, *([report["against"]] if "against" in report else [])]
    rows = [["", *(str(column["profile"]) for column in columns)]]
    for label, show in _ROWS:
        cells = [show(column["summary"]) for column in columns]
        rows += _rows(label, cells)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = [
        (
            row[0].ljust(widths[0])
            + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        )
        for row in rows
    ]
    text += ["", *_notes(report)]
    return [line.rstrip() for line in text]


def _rows(label: str, cells: list[Any]) -> list[list[str]]:
    """One row, or one for each key where the cells are mappings; none where nothing was measured."""
    if isinstance(cells[0], dict):
        names = dict.fromkeys(name for cell in cells for name in cell)
        return [[f"{label}{name}", *(cell.get(name, "–") for cell in cells)] for name in names]
    return [[label, *(cell or "–" for cell in cells)]] if any(cells) else []


def _notes(report: dict[str, Any]) -> list[str]:
    host = report["machine"]
    notes = [f"{host['cpu']}, {host['cores']} cores, Python {host['python']}; seed {report['seed']}"]
    if report["partial"]:
        notes.insert(0, "PARTIAL: the run was stopped before all scenarios had been held.")
    for run in (report, *([report["against"]] if "against" in report else [])):
        faults = run["summary"]["faults"].items()
        notes += [
            f"{run['profile']}: {count} calls without a whole measurement: {fault}" for fault, count in faults
        ]
        notes += [f"{run['profile']}: {count} × {error}" for error, count in run["summary"]["errors"].items()]
    latency = report["compared"]["latency_ms"].get("voice_to_voice", {})
    if (ratio := latency.get("ratio")) is not None:
        notes.append(
            f"{report['profile']} takes {interval(ratio, '{:.2f}')} of {report['against']['profile']}'s voice to voice "
            f"(median of {ratio['n']} pairs, {LEVEL * 100:.0f} % interval)"
        )
    verdict = report["verdict"]
    notes += [f"FAILED: {breach['says']}" for breach in verdict["breaches"]] + verdict["doubts"]
    if report["budget_ms"] and not verdict["breaches"]:
        notes.append("the medians are within the profile's budget")
    return notes


def _ms(*keys: str) -> Any:
    def show(summary: dict[str, Any]) -> str:
        values = [summary[key] for key in keys]
        if all(value is None for value in values):
            return ""
        return " / ".join("–" if value is None else f"{value:.0f}" for value in values)

    return show


def _share(key: str) -> Any:
    return lambda summary: "" if summary[key] is None else f"{summary[key] * 100:.1f} %"


def _plain(key: str) -> Any:
    return lambda summary: "" if not summary[key] else f"{summary[key]:g}"


def _hops(summary: dict[str, Any]) -> dict[str, str]:
    return {name: f"{ms:.0f}" for name, ms in summary["hops_median_ms"].items() if ms is not None}


def _by_pause(summary: dict[str, Any]) -> dict[str, str]:
    groups = summary["cut_off_by_pause"].items()
    return {name: f"{group['cut_off_rate'] * 100:.1f} % of {group['turns']}" for name, group in groups}


def _named(key: str) -> Any:
    return lambda summary: ", ".join(f"{count} {name}" for name, count in summary[key].items())


def _ledger(summary: dict[str, Any]) -> str:
    if not summary["ledger_checked"]:
        return ""
    mean, most = summary["ledger_error_words_mean"], summary["ledger_error_words_max"]
    within = summary["ledger_within_2_words"] * 100
    return f"{mean:.1f} / {most} ({within:.0f} % within 2, n={summary['ledger_checked']})"


def _waste(summary: dict[str, Any]) -> str:
    if not summary["discarded_speculations"]:
        return ""
    tokens, cpu_ms = summary["wasted_tokens"], summary["wasted_cpu_ms"]
    return f"{summary['discarded_speculations']} ({tokens} tokens, {cpu_ms} ms of CPU)"


_ROWS: tuple[tuple[str, Any], ...] = (
    ("scenarios", _plain("scenarios")),
    (
        "voice to voice, median / p90 / p99 (ms)",
        _ms(*(f"voice_to_voice_{q}_ms" for q in ("median", "p90", "p99"))),
    ),
    ("  the server's own, median (ms)", _ms("server_voice_to_voice_median_ms")),
    ("cut off, turns without long pauses", _share("cut_off_rate")),
    ("cut off, all turns", _share("cut_off_rate_all")),
    ("  longest pause: ", _by_pause),
    ("interruptions", _plain("interruptions")),
    ("  missed", _share("missed_interruption_rate")),
    ("  speech -> silence, median / p90 / max (ms)", _ms("stop_median_ms", "stop_p90_ms", "stop_max_ms")),
    ("  speech -> decision, median (ms)", _ms("decision_median_ms")),
    ("  decision -> silence, max (ms)", _ms("decision_to_silence_max_ms")),
    ("  heard text off by words, mean / max", _ledger),
    ("coughs, words of agreement, echoes", _plain("other_sounds")),
    ("  that ended the answer", _share("false_interruption_rate")),
    ("  which", _named("false_interruptions")),
    ("  that held it, went on after (ms, median)", _ms("false_hold_median_ms")),
    ("  heard whole afterwards", _share("all_resumed_rate")),
    ("  answered as if they were turns", _plain("extra_turns")),
    ("word error rate", _share("wer")),
    ("hop (median, ms): ", _hops),
    ("answers prepared in vain", _waste),
    ("CPU s of this process per minute of call", _plain("cpu_s_per_minute")),
    ("  share of the machine", _share("cpu_share")),
    ("peak memory of this process (MB)", _ms("peak_rss_mb")),
)


def running_median(turns: Sequence[TurnResult]) -> str:
    """For a progress line."""
    median = percentile((turn.voice_to_voice_ms for turn in turns), 50)
    return "–" if median is None else f"{median:.0f} ms"
