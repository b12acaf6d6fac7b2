"""What the holder of a call has to know of its recording; the rest is imported where one is made."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from voicebot.errors import VoicebotError
from voicebot.interfaces import Connection
from voicebot.profile import Profile
from voicebot.tools import ToolRunner

__all__ = ["Taped", "must_have_consent"]

WatchIdle = Callable[[Callable[[float], None]], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Taped:
    """What to hold a call with, so that it is recorded."""

    connection: Connection
    tools: ToolRunner | None
    watch_idle: WatchIdle


def must_have_consent(profile: Profile) -> None:
    """See to it that the calls of strangers may be recorded.

    Raises:
        VoicebotError: their consent is to be asked for in the call: a recording holds the call from its beginning.
    """
    if profile.keep.consent != "given":
        raise VoicebotError(
            "Calls cannot be recorded for replays: the profile says that callers consent in the call (keep.consent).",
            hint="A recording holds all of a call. Where you have consent before the call: keep: {consent: given}.",
        )
