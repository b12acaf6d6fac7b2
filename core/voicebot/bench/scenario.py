"""What a simulated user does in one call of the bench, and what ought to come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voicebot.audio import Samples

__all__ = ["BENCH_RATE", "LONG_PAUSE_S", "Barge", "BargeKind", "BenchTurn", "Pause", "Scenario", "TurnKind"]

BENCH_RATE = 16_000
"""Hz of all audio in scenarios."""
LONG_PAUSE_S = 0.5
"""A pause inside a turn that is longer is a long one: its turn counts in no cut-off rate but that of long pauses."""

TurnKind = Literal["plain", "pause", "filler", "numbers", "noise"]
BargeKind = Literal["interruption", "backchannel", "cough", "echo"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence inside a turn, put there by the recipe, or made by the voice and at least 200 ms long.

    In seconds from the turn's first sample.
    """

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, eq=False)
class BenchTurn:
    """One thing that the user says."""

    name: str
    kind: TurnKind
    text: str
    """What is said, for the word error rate."""
    audio: Samples
    """int16 mono at `BENCH_RATE`, without silence around it, and clean: background is in `Scenario.noise`."""
    speech_start_s: float
    """First speech sample, counted from the first sample of `audio`."""
    speech_end_s: float
    """Last speech sample, counted alike: where latency is counted from."""
    voice: str
    """Engine and voice, or the recording it was cut from."""
    pauses: tuple[Pause, ...] = ()
    snr_db: float | None = None

    @property
    def has_long_pause(self) -> bool:
        return any(pause.duration_s > LONG_PAUSE_S for pause in self.pauses)


@dataclass(frozen=True, slots=True, eq=False)
class Barge:
    """A sound while the agent speaks."""

    name: str
    kind: BargeKind
    text: str
    """What is said; "" for a cough, and for an echo."""
    audio: Samples
    """As in `BenchTurn`; empty for an echo, which is made of what the agent says."""
    speech_start_s: float
    speech_end_s: float
    voice: str
    after_s: float
    """When it begins, counted from the agent's first audible sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """One call: a turn, and perhaps a sound while it is answered."""

    name: str
    turn: BenchTurn
    barge: Barge | None = None
    echo_gain_db: float | None = None
    """The loudspeaker reaches the microphone at this level; None: not at all."""
    echo_delay_ms: float = 0.0
    noise: Samples | None = None
    """Background in the microphone for the whole call, at `BENCH_RATE`, looped; None: digital silence."""
