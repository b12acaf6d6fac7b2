"""Events in the form in which recordings and replays hold and compare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from voicebot.events import Event, as_message

__all__ = ["check_message", "on_clock_of", "shifted"]

CLOCK_FIELDS = ("at_s", "speech_end_s")
"""Fields of events that are moments on the process's clock."""


def on_clock_of(event: Event, origin_s: float) -> dict[str, Any]:
    """An event as a message whose times count from `origin_s`, rounded to a microsecond."""
    return shifted(as_message(event), origin_s)


def shifted(message: dict[str, Any], origin_s: float) -> dict[str, Any]:
    """A message with its times counted from `origin_s`, on the clock that they are on."""
    moved = {name: round(message[name] - origin_s, 6) for name in CLOCK_FIELDS if name in message}
    return message | moved


# --- messages from outside: what is read of them -------------------------------------------------------------------


class _Message(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    at_s: float = Field(allow_inf_nan=False)
    speech_end_s: float = Field(default=0.0, allow_inf_nan=False)


class _PauseJudged(_Message):
    turn_id: int
    ended: bool
    speech_end_s: float = Field(allow_inf_nan=False)


class _UserTranscript(_Message):
    turn_id: int
    text: str
    final: bool


class _InterruptionJudged(_Message):
    turn_id: int
    interrupted: bool
    why: str
    text: str


class _ProviderFailed(_Message):
    kind: str
    plugin: str
    message: str


class _Report(BaseModel):
    model_config = ConfigDict(strict=True)

    user_text: str
    agent_text: str
    heard_text: str
    ended: str
    hops_ms: dict[str, float]
    timeline_ms: dict[str, float]
    voice_to_voice_ms: float | None


class _TurnMeasured(_Message):
    turn_id: int
    report: _Report


_READ: dict[object, type[_Message]] = {
    "pause_judged": _PauseJudged,
    "user_transcript": _UserTranscript,
    "interruption_judged": _InterruptionJudged,
    "provider_failed": _ProviderFailed,
    "turn_measured": _TurnMeasured,
}


def check_message(message: Mapping[str, Any]) -> None:
    """See to it that a message has what a comparison reads of it; what else it holds is not looked at.

    Raises:
        pydantic.ValidationError: it has not.
    """
    name = message.get("name")
    _READ.get(name if isinstance(name, str) else None, _Message).model_validate(message)
