"""A recorded call in memory, in the form in which a replay looks things up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voicebot.audio import Samples
from voicebot.interfaces import HeardReport
from voicebot.replaying import lines
from voicebot.replaying.about import About
from voicebot.replaying.telling import shifted

__all__ = ["Recording", "Request"]


@dataclass(slots=True)
class Request:
    """What an engine was asked, and what it gave."""

    asked: lines.Asked
    given: list[lines.Given] = field(default_factory=list)
    over: lines.Over | None = None
    """None where the recording ends before the request did."""
    sounds: dict[int, Samples] = field(default_factory=dict)
    """By their place in `given`."""

    @property
    def stopped(self) -> bool:
        """The engine would have gone on: nobody wanted more, or the recording ends."""
        return self.over is None or self.over.how == "cancelled"

    @property
    def left_s(self) -> float:
        """How long it took from the last result until it was over."""
        return 0.0 if self.over is None else self.over.after_s


@dataclass(slots=True)
class Recording:
    """All of a recording.

    Attributes:
        mic: what came over the connection: when, and 16-bit samples with their rate, or the listener's report.
        ended_s: when the user's audio ended; None where the call, or the recording, ended before.
        whole: the call was recorded to its end.
    """

    about: About
    opened_s: float = 0.0
    mic: list[tuple[float, tuple[Samples, int] | HeardReport]] = field(default_factory=list)
    ended_s: float | None = None
    windows: list[lines.Window] = field(default_factory=list)
    idle: list[lines.Idle] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    """Times count from the recording's beginning."""
    sounds: dict[str, Samples] = field(default_factory=dict)
    """All sound, by file (`mic-16000`)."""

    @property
    def whole(self) -> bool:
        return bool(self.told) and bool(self.told[-1]["name"] == "call_ended")

    @property
    def log(self) -> list[dict[str, Any]]:
        """The call's events; times count from when the microphone was opened."""
        return [shifted(message, self.opened_s) for message in self.told]

    def cpu_s(self, t: float) -> float:
        """CPU seconds that the process had used by then, in between what is recorded."""
        if not self.idle:
            return 0.0
        return float(np.interp(t, [line.t for line in self.idle], [line.cpu_s for line in self.idle]))
