"""Reading a report of the bench back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voicebot.errors import VoicebotError

__all__ = ["parse_run", "read_run"]

Runs = list[tuple[str, list[dict[str, Any]]]]


def read_run(path: Path) -> Runs:
    """The profiles of a report and their turns.

    Raises:
        VoicebotError: there is no such file, or it is no report of `bench --json`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "it is not text").lower()
        raise VoicebotError(f"{path} cannot be read: {reason}.") from error
    try:
        return parse_run(text)
    except ValueError as error:
        raise VoicebotError(
            f"{path} is not a report of the bench: {error}.",
            hint="Make one: voicebot bench --profile local --json run.json",
        ) from error


def parse_run(text: str) -> Runs:
    """Likewise, of a report's text.

    Raises:
        ValueError: it is none; the message says why.
    """
    try:
        report = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    runs = [report, report["against"]] if isinstance(report, dict) and "against" in report else [report]
    return [_run(run) for run in runs]


def _run(run: object) -> tuple[str, list[dict[str, Any]]]:
    if not isinstance(run, dict) or not isinstance(run.get("profile"), str):
        raise ValueError("it names no profile")
    turns = run.get("turns")
    if not isinstance(turns, list):
        raise ValueError("it has no turns")
    for number, turn in enumerate(turns):
        if not _is_turn(turn):
            raise ValueError(f"turn {number} of {run['profile']!r} is not one")
    return run["profile"], turns


def _is_turn(turn: object) -> bool:
    if not isinstance(turn, dict):
        return False
    timing, pauses, latency = turn.get("timing"), turn.get("pauses"), turn.get("voice_to_voice_ms")
    return (
        isinstance(turn.get("cut_off"), bool)
        and isinstance(turn.get("has_long_pause"), bool)
        and (latency is None or _is_number(latency))
        and isinstance(timing, dict)
        and (not timing or _has_numbers(timing, "lag_ms", "ready_ms", "serial_ms", "rest_ms"))
        and isinstance(pauses, list)
        and all(_is_pause(pause) for pause in pauses)
    )


def _is_pause(pause: object) -> bool:
    if not isinstance(pause, dict) or not isinstance(pause.get("true_end"), bool):
        return False
    verdicts = pause.get("verdicts")
    return (
        _has_numbers(pause, "delay_ms")
        and (pause.get("text_ms") is None or _is_number(pause["text_ms"]))
        and (pause["true_end"] or _has_numbers(pause, "lasted_ms"))
        and isinstance(verdicts, list)
        and all(
            isinstance(verdict, dict) and _has_numbers(verdict, "at_ms", "delay_ms") for verdict in verdicts
        )
    )


def _has_numbers(values: Mapping[str, Any], *keys: str) -> bool:
    return all(_is_number(values.get(key)) for key in keys)


def _is_number(value: object) -> bool:
    # Longer integers are no times, and do not fit into a float.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < 1e12
        and not math.isnan(value)
    )
