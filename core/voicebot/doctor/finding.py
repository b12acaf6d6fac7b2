"""What the doctor is shown, what it finds, and what a check is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from voicebot.access.addresses import is_loopback_host as is_loopback
from voicebot.link.settings import FrontSettings
from voicebot.models import ModelStore
from voicebot.profile import ResolvedProfile

__all__ = ["Check", "Finding", "Level", "Patient", "is_loopback"]

Level = Literal["ok", "warn", "fail"]
"""`warn`: it runs, but perhaps not for everybody, or not well. `fail`: it does not run, or nobody would hear it."""


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    level: Level
    what: str
    """What was seen, one line."""
    do: str = ""
    """What to do about it; "" where all is well."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A deployment that is to be examined."""

    resolved: ResolvedProfile
    store: ModelStore
    url: str = ""
    """Where people are to open the page, as in https://voice.example.org; "" where that was not said."""

    @property
    def front(self) -> FrontSettings | None:
        """The settings of a transport that serves a page; None for others."""
        config = self.resolved.section("transport").config
        return config if isinstance(config, FrontSettings) else None

    @property
    def rtc(self) -> Any:
        """Where an SFU takes the audio (`listen_ip`, `port` …), or None where the transport has none."""
        return getattr(self.front, "rtc", None)

    @property
    def is_public(self) -> bool:
        """Whether the settings mean callers from other machines."""
        front = self.front
        if front is None:
            return False
        hosts = [front.host, *([self.rtc.listen_ip] if self.rtc is not None else [])]
        return bool(self.url) or not all(map(is_loopback, hosts))


Check = Callable[[Patient], Awaitable[Iterable[Finding]]]
"""Looks at one thing; whatever it raises is a finding, too. Its `__name__` is the name in the report."""
