"""Results of calls as a run of the bench leaves them, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from voicebot.bench.barges import BargeResult
from voicebot.bench.report import as_dict
from voicebot.bench.scoring import TurnResult

HOPS = {"end_of_turn": 300.0, "stt_final": 100.0, "llm_ttft": 120.0, "tts_ttfa": 5.0}


def call(number: int = 0, ms: float | None = 400.0, **values: Any) -> TurnResult:
    """One in which `ms` passed to the answer; hops are `HOPS` unless given."""
    result = TurnResult(f"plain-{number}", "plain", "what time is it", "tone", None, 0.0, False)
    result.voice_to_voice_ms, result.hops_ms = ms, dict(HOPS)
    result.words, result.cpu_s, result.duration_s = 4, 1.0, 6.0
    for name, value in values.items():
        setattr(result, name, value)
    return result


def calls(times: Sequence[float | None], *, llm_ms: float = 120.0, **values: Any) -> list[TurnResult]:
    """One for each of these times."""
    hops = HOPS | {"llm_ttft": llm_ms}
    return [call(number, ms, **{"hops_ms": dict(hops), **values}) for number, ms in enumerate(times)]


def cough(*, ended: bool) -> BargeResult:
    result = BargeResult("b", "cough", ended)
    result.false_interruption = ended
    return result


def report(
    ours: list[TurnResult],
    theirs: list[TurnResult] | None = None,
    *,
    names: tuple[str, str] = ("mine", "other"),
    budget_ms: Mapping[str, float] | None = None,
    fail_over: float | None = None,
) -> dict[str, Any]:
    results = {names[0]: ours}
    if theirs is not None:
        results[names[1]] = theirs
    return as_dict(
        results,  # type: ignore[arg-type]
        seed=1,
        budget_ms=budget_ms or {},
        planned=len(ours),
        peak_rss_mb=500.0,
        memory_mb=(300.0, 250.0) if theirs is not None else (),
        fail_over=fail_over,
    )
