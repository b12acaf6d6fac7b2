"""The profile: which plugins make up an agent, with their settings and the core's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from voicebot.interfaces import KINDS, Kind
from voicebot.operating.settings import OperatorSettings
from voicebot.profile.nodes import Node
from voicebot.settings import PoolSettings, SessionSettings, ThreadSettings

__all__ = ["CHAIN_KINDS", "SETTINGS", "VALUES", "Choice", "Profile", "parse_chain"]

CHAIN_KINDS: tuple[Kind, ...] = ("stt", "llm", "tts")
"""Kinds that take an ordered fallback chain."""


class Choice(BaseModel):
    """A plugin's name and its settings, not validated yet: `resolve` does that with the plugin's model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    use: str
    settings: dict[str, Any] = Field(default_factory=dict, repr=False)


def _choice(value: object, where: str = "") -> Choice:
    if isinstance(value, Choice):
        return value
    if isinstance(value, str):
        value = {"use": value}
    if not isinstance(value, dict):
        raise ValueError(f"{where}should be a plugin's name, or a mapping with `use: NAME`")
    use = value.get("use")
    if not isinstance(use, str) or not use.strip():
        raise ValueError(f"{where}needs `use: NAME`, the plugin's name")
    return Choice(use=use.strip(), settings={str(key): child for key, child in value.items() if key != "use"})


def parse_chain(value: object) -> tuple[Choice, ...]:
    """A section in any of its forms (a name, a mapping, a list of them), or a ValueError."""
    if not isinstance(value, list | tuple):
        return (_choice(value),)
    if not value:
        raise ValueError("is an empty chain; it needs at least one plugin")
    return tuple(_choice(entry, f"entry {index} ") for index, entry in enumerate(value))


def _single(value: tuple[Choice, ...]) -> tuple[Choice, ...]:
    if len(value) > 1:
        raise ValueError(f"takes one plugin, not a chain (chains are for {', '.join(CHAIN_KINDS)})")
    return value


Chain = Annotated[tuple[Choice, ...], BeforeValidator(parse_chain)]
Single = Annotated[Chain, AfterValidator(_single)]


class Profile(SessionSettings):
    """A validated profile. Plugin settings are raw until `voicebot.profile.resolve` loads the plugins."""

    vad: Single = Field(description="Voice activity: tells speech from silence.")
    stt: Chain = Field(description="Speech to text.")
    turn: Single = Field(
        default=(Choice(use="silence"),), description="End of turn: how long to wait once the user is silent."
    )
    llm: Chain = Field(description="The language model that answers.")
    tts: Chain = Field(description="Text to speech.")
    transport: Single = Field(description="How calls reach the agent.")

    threads: ThreadSettings = Field(
        default_factory=ThreadSettings, description="How many CPU threads the engines of each kind may use."
    )
    calls: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many calls at once: so many call workers, each with its own engines in memory, are kept "
        "warm by `voicebot run`.",
    )
    pool: PoolSettings = Field(
        default_factory=PoolSettings,
        description="When a call worker takes a call, how long it lives, and how `voicebot run` leaves.",
    )
    operator: OperatorSettings = Field(
        default_factory=OperatorSettings,
        description="The page on which an operator sees the calls that are on, and can end one.",
    )
    _file: Path | None = PrivateAttr(default=None)
    _tree: Node | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The file it was loaded from, or None where it was built in code."""
        return self._file

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self._file.stem if self._file else "profile"

    @property
    def base_dir(self) -> Path:
        """The folder that relative paths in the profile are relative to."""
        return self._file.resolve().parent if self._file else Path.cwd()

    def chain(self, kind: Kind) -> tuple[Choice, ...]:
        """The plugins of a kind, the preferred one first."""
        chosen: tuple[Choice, ...] = getattr(self, kind)
        return chosen


VALUES = ("calls",)
"""Names of the core's keys that are no sections but single values."""
SETTINGS = tuple(name for name in Profile.model_fields if name not in (*KINDS, *VALUES))
"""Names of the sections that the core owns."""
