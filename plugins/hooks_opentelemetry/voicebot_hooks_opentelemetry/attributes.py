"""What spans say of calls, turns and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from voicebot.events import Event, as_message

__all__ = ["Attributes", "call_attributes", "event_attributes", "turn_attributes"]

Attributes = dict[str, str | bool | int | float | Sequence[str]]

TEXTS = ("user_text", "agent_text", "heard_text")
COUNTS = ("interruptions", "false_interruptions", "discarded_speculations", "wasted_tokens")


def call_attributes(report: Mapping[str, Any]) -> Attributes:
    """Of a call's report."""
    call = report["call"]
    said = {"warmup_ms": max(0.0, call["warmup_ms"]), "turns": len(report["turns"])}
    return _known({f"voicebot.call.{name}": value for name, value in said.items()}) | _known(
        {f"voicebot.call.{name}": call[name] for name in COUNTS}
    )


def turn_attributes(report: Mapping[str, Any], *, transcripts: bool) -> Attributes:
    """Of a turn's report."""
    tokens, budget = report["tokens"] or {}, report["budget"] or {}
    return _known(
        {
            "voicebot.turn.id": report["turn"],
            "voicebot.turn.ended": report["ended"],
            "voicebot.turn.interrupted": report["ended"] == "interrupted",
            "voicebot.voice_to_voice_ms": report["voice_to_voice_ms"],
            "voicebot.heard_voice_to_voice_ms": report["heard_voice_to_voice_ms"],
            "voicebot.orchestration_ms": report["hops_ms"].get("orchestration"),
            "voicebot.budget.within": budget.get("within"),
            "voicebot.budget.guilty": budget.get("guilty") or None,
            "gen_ai.usage.input_tokens": tokens.get("prompt"),
            "gen_ai.usage.output_tokens": tokens.get("completion"),
        }
        | ({f"voicebot.{name}": report[name] for name in TEXTS} if transcripts else {})
    )


def event_attributes(event: Event, *, transcripts: bool) -> tuple[str, Attributes]:
    """An event's name in a span, and what it says."""
    message = as_message(event)
    name = str(message.pop("name"))
    del message["at_s"]
    if not transcripts:
        message.pop("text", None)
    return name, _known({f"voicebot.{key}": value for key, value in message.items()})


def _known(values: Mapping[str, Any]) -> Attributes:
    return {name: value for name, value in values.items() if value is not None}
