"""When the user speaks, pauses, and has finished: a pure state machine over voice-activity windows.

Time is *audio time*: seconds of microphone audio since the call began, so a stalled network neither ends a turn nor
stretches a word. The session maps it to the clock. Thresholds have hysteresis, as in Silero's `VADIterator`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from voicebot.settings import EndpointingSettings

__all__ = [
    "EndpointDecision",
    "Endpointing",
    "SpeculationDue",
    "SpeechPaused",
    "SpeechResumed",
    "SpeechStarted",
    "UserTurnEnded",
]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user speaks, and has for `min_speech_ms`."""

    start_s: float
    """Where the speech begins."""


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """Silence begins: the moment to ask the end-of-turn model."""

    pause_id: int
    speech_end_s: float
    """Where the last window of speech ended."""


@dataclass(frozen=True, slots=True)
class SpeculationDue:
    """The silence has lasted `speculate_after_ms`."""

    pause_id: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """It was a pause inside the turn."""

    at_s: float


@dataclass(frozen=True, slots=True)
class UserTurnEnded:
    """The silence has lasted as long as the verdict asked for."""

    speech_end_s: float
    at_s: float


EndpointDecision = SpeechStarted | SpeechPaused | SpeculationDue | SpeechResumed | UserTurnEnded


class _State(Enum):
    QUIET = auto()
    STARTING = auto()  # above the threshold, for less than min_speech
    SPEAKING = auto()
    PAUSED = auto()


class Endpointing:
    """Feed it every window in order; it says what that means.

    Without a verdict for a pause the turn ends after `max_delay_ms` of silence.
    """

    def __init__(self, settings: EndpointingSettings) -> None:
        self._settings = settings
        self._state = _State.QUIET
        self._speech_start_s = 0.0
        self._speech_end_s = 0.0
        self._pause_id = 0
        self._delay_s = 0.0
        self._speculated = False
        self._now_s = 0.0

    @property
    def in_turn(self) -> bool:
        """Whether the user has the floor: speaking, or pausing inside a turn."""
        return self._state in (_State.SPEAKING, _State.PAUSED)

    @property
    def speaking(self) -> bool:
        return self._state is _State.SPEAKING

    def on_window(self, probability: float, start_s: float, end_s: float) -> list[EndpointDecision]:
        """One window of audio from `start_s` to `end_s` holds speech with this probability."""
        self._now_s = end_s
        s = self._settings
        # Hysteresis: it takes more to begin speaking than to go on.
        threshold = (
            s.exit_threshold if self._state in (_State.STARTING, _State.SPEAKING) else s.enter_threshold
        )
        is_speech = probability >= threshold
        if self._state is _State.QUIET:
            if is_speech:
                self._state, self._speech_start_s, self._speech_end_s = _State.STARTING, start_s, end_s
                return self._start_if_long_enough()
        elif self._state is _State.STARTING:
            if is_speech:
                self._speech_end_s = end_s
                return self._start_if_long_enough()
            self._state = _State.QUIET
        elif self._state is _State.SPEAKING:
            if is_speech:
                self._speech_end_s = end_s
            else:
                self._state = _State.PAUSED
                self._pause_id += 1
                self._speculated = False
                self._delay_s = s.max_delay_ms / 1000
                return [SpeechPaused(self._pause_id, self._speech_end_s), *self._on_silence()]
        elif is_speech:  # PAUSED
            self._state, self._speech_end_s = _State.SPEAKING, end_s
            return [SpeechResumed(start_s)]
        else:
            return self._on_silence()
        return []

    def on_verdict(self, pause_id: int, delay_ms: float) -> list[EndpointDecision]:
        """The end-of-turn model's wait for a pause; a verdict for a pause that is over is ignored."""
        if self._state is not _State.PAUSED or pause_id != self._pause_id:
            return []
        s = self._settings
        self._delay_s = min(max(delay_ms, s.min_delay_ms), s.max_delay_ms) / 1000
        return self._on_silence()

    def _start_if_long_enough(self) -> list[EndpointDecision]:
        # Half a millisecond of slack: windows are whole multiples of a sample, not of a millisecond.
        if self._speech_end_s - self._speech_start_s < self._settings.min_speech_ms / 1000 - 0.0005:
            return []
        self._state = _State.SPEAKING
        return [SpeechStarted(self._speech_start_s)]

    def _on_silence(self) -> list[EndpointDecision]:
        decisions: list[EndpointDecision] = []
        silence_s = self._now_s - self._speech_end_s
        if not self._speculated and silence_s >= self._settings.speculate_after_ms / 1000 - 0.0005:
            self._speculated = True
            decisions.append(SpeculationDue(self._pause_id))
        if silence_s >= self._delay_s - 0.0005:
            self._state = _State.QUIET
            decisions.append(UserTurnEnded(self._speech_end_s, self._now_s))
        return decisions
