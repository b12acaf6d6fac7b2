"""What a recording says of itself, in `call.json`: enough to hold the call again without the plugins that held it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from voicebot._version import __version__
from voicebot.interfaces import KINDS, Kind, ToolCall, ToolSpec
from voicebot.keeping.schema import cleaned
from voicebot.plugins import Section
from voicebot.profile import ResolvedProfile
from voicebot.settings import SessionSettings
from voicebot.tools import ToolRunner

__all__ = ["FORMAT", "About", "EngineFacts", "ToolFacts", "about_call"]

FORMAT = 1
_SECTIONS = tuple(SessionSettings.model_fields)
_NOT_RECORDED = ("keep", "access")
"""Sections by which no session decides, or that hold secrets; of `access`, only what limits a call is taken."""
_LIMITS = {"max_call_s", "wrap_up_s", "idle_s", "idle_answer_s", "texts"}
_SECRET = re.compile(r"key|token|secret|password|auth|credential|header", re.IGNORECASE)
"""Settings that are not shown, whether or not their plugin says that they are secret."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineFacts(_Part):
    """An engine of the call."""

    plugin: str = Field(max_length=1_000)
    distribution: str = Field(max_length=1_000)
    settings: dict[str, Any] = Field(default_factory=dict)
    """Its section of the profile, for readers; a replay needs none of it."""
    tools: bool = False
    """It can call tools."""
    window_samples: int = Field(default=0, ge=0, le=100_000)
    """VAD: samples of a window."""
    max_utterance_s: float = Field(default=0.0, ge=0, le=1e6)
    """STT: the longest utterance it takes."""


class ToolFacts(_Part):
    """A tool that the language model was offered."""

    name: str = Field(max_length=1_000)
    description: str = Field(max_length=100_000)
    parameters: dict[str, Any] = Field(default_factory=dict)
    filler: str | None = Field(default=None, max_length=1_000)

    def spec(self) -> ToolSpec:
        return ToolSpec(self.name, self.description, self.parameters)


class About(_Part):
    """A recording's `call.json`."""

    format: Literal[1] = 1
    voicebot: str = Field(max_length=100)
    """The version that recorded it."""
    recorded_at: AwareDatetime
    call_id: str = Field(max_length=1_000)
    profile: str = Field(max_length=1_000)
    """The name of the profile's file, without its suffix."""
    settings: SessionSettings
    """The core's, as they were after all layers of the profile."""
    engines: dict[Kind, tuple[EngineFacts, ...]]
    """Each kind's chain, the preferred one first; of all kinds but the transport."""
    tools: tuple[ToolFacts, ...] = Field(default=(), max_length=1_000)
    sample_rate: int = Field(ge=8_000, le=192_000)
    """Hz of what the listener heard."""
    knows_heard: bool = True
    """Whether the transport knew how much of it was heard."""
    max_call_s: float | None = Field(default=None, gt=0)
    redacted: bool = False

    @model_validator(mode="after")
    def _has_engines(self) -> Self:
        for kind in KINDS[:-1]:
            if not self.engines.get(kind):
                raise ValueError(f"there is no {kind} engine")
        if not all(facts.window_samples for facts in self.engines["vad"]):
            raise ValueError("a vad engine has no window_samples")
        return self


def about_call(
    resolved: ResolvedProfile,
    *,
    call_id: str,
    engines: dict[Kind, tuple[EngineFacts, ...]],
    tools: ToolRunner | None,
    sample_rate: int,
    knows_heard: bool,
    max_call_s: float | None,
) -> About:
    """Describe a call that begins now; no secret of the profile is in it."""
    profile = resolved.profile
    sections = {name: getattr(profile, name) for name in _SECTIONS if name not in _NOT_RECORDED}
    limits = profile.access.model_dump(include=_LIMITS)
    return About(
        voicebot=__version__,
        recorded_at=datetime.now(UTC),
        call_id=call_id,
        profile=profile.name,
        settings=SessionSettings.model_validate(sections | {"access": limits}),
        engines={kind: _with_settings(engines.get(kind, ()), resolved.chain(kind)) for kind in KINDS[:-1]},
        tools=() if tools is None else _tool_facts(tools),
        sample_rate=sample_rate,
        knows_heard=knows_heard,
        max_call_s=max_call_s,
    )


def _with_settings(engines: Sequence[EngineFacts], chain: Sequence[Section]) -> tuple[EngineFacts, ...]:
    return tuple(
        facts.model_copy(update={"settings": _settings(section)})
        for facts, section in zip(engines, chain, strict=True)
    )


def _settings(section: Section) -> dict[str, Any]:
    try:
        dumped = section.config.model_dump(mode="json")
    except ValueError:  # a type of the plugin's own
        return {}
    shown: dict[str, Any] = _shown("", cleaned(dumped, ()))
    return shown


def _shown(name: str, value: Any) -> Any:
    """A setting as it may be seen: no text, nor what holds texts, of a name that sounds like a secret's."""
    if isinstance(value, str | dict | list) and value and _SECRET.search(name):
        return "***"
    if isinstance(value, dict):
        return {key: _shown(key, child) for key, child in value.items()}
    return [_shown(name, child) for child in value] if isinstance(value, list) else value


def _tool_facts(tools: ToolRunner) -> tuple[ToolFacts, ...]:
    return tuple(
        ToolFacts(
            name=spec.name,
            description=spec.description,
            parameters=dict(spec.parameters),
            filler=_filler(tools, spec.name),
        )
        for spec in tools.specs
    )


def _filler(tools: ToolRunner, name: str) -> str | None:
    of_all = "\0"
    filler = tools.filler([ToolCall("", name, "")], of_all)
    return None if filler == of_all else filler
