"""What the operator's page shows of a running `voicebot run`, and what can be done there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from voicebot.errors import VoicebotError
from voicebot.events import Event
from voicebot.keeping.consent import Consent
from voicebot.operating.calls import CallsOn
from voicebot.profile.model import Profile
from voicebot.supervising.operations import Operations

__all__ = ["Board", "Supervised"]


class Supervised(Protocol):
    """What is known of the call workers: the supervisor."""

    @property
    def operations(self) -> Operations: ...

    @property
    def draining(self) -> bool: ...

    @property
    def calls_on(self) -> Mapping[int, str]: ...

    def workers(self) -> Sequence[str]: ...

    def hang_up(self, call_id: str, *, goodbye: bool) -> bool: ...


class Board:
    """Hears of each event, and makes one picture of it all.

    Raises:
        VoicebotError: transcripts are to be shown, and nobody could consent to that.
    """

    def __init__(self, profile: Profile, supervised: Supervised) -> None:
        keep = profile.keep
        if profile.operator.transcripts and keep.consent == "required" and not keep.consent_phrases:
            raise VoicebotError(
                "operator.transcripts: nothing says how a caller agrees to it",
                hint="Set keep.consent_phrases to what they say, or keep.consent: given where you have their "
                "consent before they call.",
            )
        self._profile = profile.name
        self._supervised = supervised
        self._calls = CallsOn(
            transcripts=profile.operator.transcripts,
            consent=lambda: Consent(required=keep.consent == "required", phrases=keep.consent_phrases),
        )

    def happened(self, call_id: str, event: Event) -> None:
        """An event of a call."""
        self._calls.happened(call_id, event, time.time())

    def calls_changed(self) -> None:
        """A call has begun, or nothing is left of one."""
        self._calls.keep_only(set(self._supervised.calls_on.values()))

    def hang_up(self, call_id: str, *, goodbye: bool) -> bool:
        """End a call, with a word or at once; False where it is not on."""
        return self._supervised.hang_up(call_id, goodbye=goodbye)

    def picture(self) -> dict[str, Any]:
        """Everything, in JSON's terms."""
        supervised, operations = self._supervised, self._supervised.operations
        idle = operations.headroom.idle
        return {
            "profile": self._profile,
            "draining": supervised.draining,
            "obstacle": operations.obstacle(),
            "busy": operations.busy(),
            "idle": None if idle is None else round(idle, 2),
            "workers": [
                {"state": state, "call": supervised.calls_on.get(number, "")}
                for number, state in enumerate(supervised.workers())
            ],
            "engines": operations.engines(),
            "calls": self._calls.shown(),
        }
