"""When the user speaks, pauses, and has finished: a pure state machine over voice-activity windows.

Time is *audio time*: seconds of microphone audio since the call began, so a stalled network neither ends a turn nor
stretches a word. The session maps it to the clock. Thresholds have hysteresis, as in Silero's `VADIterator`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from voicebot.language.endings import Ending
from voicebot.settings import EndpointingSettings

__all__ = [
    "EndpointDecision",
    "Endpointing",
    "SpeculationDue",
    "SpeechPaused",
    "SpeechResumed",
    "SpeechStarted",
    "SpeechSuspected",
    "SuspicionCleared",
    "UserTurnEnded",
    "VerdictDue",
]


@dataclass(frozen=True, slots=True)
class SpeechSuspected:
    """The user may be beginning to speak: there has been `suspect_ms` of speech, windows weighed by probability."""


@dataclass(frozen=True, slots=True)
class SuspicionCleared:
    """It was a noise."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user speaks, and has for `min_speech_ms`."""

    start_s: float
    """Where the speech begins."""


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """Silence begins."""

    pause_id: int
    speech_end_s: float
    """Where the last window of speech ended."""


@dataclass(frozen=True, slots=True)
class VerdictDue:
    """The moment to ask the end-of-turn model: silence begins, or has lasted as long as it asked for."""

    pause_id: int


@dataclass(frozen=True, slots=True)
class SpeculationDue:
    """The silence has lasted `speculate_after_ms`."""

    pause_id: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """It was a pause inside the turn."""

    speech_end_s: float
    at_s: float
    delay_s: float
    """The silence that would have ended the turn."""


@dataclass(frozen=True, slots=True)
class UserTurnEnded:
    """The silence has lasted as long as it had to."""

    speech_end_s: float
    at_s: float
    delay_s: float
    """As long as that."""


EndpointDecision = (
    SpeechSuspected
    | SuspicionCleared
    | SpeechStarted
    | SpeechPaused
    | VerdictDue
    | SpeculationDue
    | SpeechResumed
    | UserTurnEnded
)


class _State(Enum):
    QUIET = auto()
    STARTING = auto()  # above the threshold, for less than min_speech
    SPEAKING = auto()
    PAUSED = auto()


class Endpointing:
    """Feed it every window in order; it says what that means.

    A turn ends after the silence that the end-of-turn model's verdict asks for, or `open_delay_ms` where the words say
    that more will follow, if that is longer. Without a verdict it ends after `max_delay_ms`. Where a transcript is on
    its way (`await_text`) the turn waits for it: there is nothing to answer without it, and its words may ask for more
    patience.
    """

    def __init__(self, settings: EndpointingSettings) -> None:
        self._settings = settings
        self._state = _State.QUIET
        self._speech_start_s = 0.0
        self._speech_end_s = 0.0
        self._suspected = False
        self._evidence_s = 0.0
        self._pause_id = 0
        self._verdict_s: float | None = None
        self._again_s: float | None = None
        self._ending: Ending = "unknown"
        self._awaits_text = False
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
        if self._state in (_State.QUIET, _State.STARTING):
            if not is_speech:
                self._state = _State.QUIET
            else:
                if self._state is _State.QUIET:
                    self._state, self._speech_start_s = _State.STARTING, start_s
                self._speech_end_s = end_s
                if self._lasted_long_enough():
                    self._state, self._suspected, self._evidence_s = _State.SPEAKING, False, 0.0
                    return [SpeechStarted(self._speech_start_s)]
            return self._suspect(probability, end_s - start_s)
        if self._state is _State.SPEAKING:
            if is_speech:
                self._speech_end_s = end_s
            else:
                self._state = _State.PAUSED
                self._pause_id += 1
                self._speculated = self._awaits_text = False
                self._verdict_s = self._again_s = None
                self._ending = "unknown"
                paused = SpeechPaused(self._pause_id, self._speech_end_s)
                return [paused, VerdictDue(self._pause_id), *self._on_silence()]
        elif is_speech:  # PAUSED
            resumed = SpeechResumed(self._speech_end_s, start_s, self._delay_s)
            self._state, self._speech_end_s = _State.SPEAKING, end_s
            return [resumed]
        else:
            return self._on_silence()
        return []

    @property
    def pause_id(self) -> int | None:
        """The pause that the user makes now."""
        return self._pause_id if self._state is _State.PAUSED else None

    @property
    def awaits_text(self) -> bool:
        """Whether the transcript of what was said before this pause is on its way."""
        return self._state is _State.PAUSED and self._awaits_text

    def on_verdict(
        self, pause_id: int, delay_ms: float, again_ms: float | None = None
    ) -> list[EndpointDecision]:
        """The end-of-turn model's wait for a pause, and when to ask it again; ignored where the pause is over."""
        if pause_id != self.pause_id:
            return []
        self._verdict_s = delay_ms / 1000
        # Asked for a moment that has passed, it would be asked for ever.
        later = again_ms is not None and again_ms / 1000 > self._silence_s
        self._again_s = again_ms / 1000 if later and again_ms is not None else None
        return self._on_silence()

    def await_text(self, pause_id: int) -> None:
        """The transcript of what was said before this pause is on its way; `on_text` will follow."""
        if pause_id == self.pause_id:
            self._awaits_text = True

    def on_text(self, pause_id: int, ending: Ending) -> list[EndpointDecision]:
        """The transcript has come, and its last words say this; ignored where the pause is over."""
        if pause_id != self.pause_id:
            return []
        self._awaits_text, self._ending = False, ending
        return self._on_silence()

    @property
    def _silence_s(self) -> float:
        return self._now_s - self._speech_end_s

    @property
    def _delay_s(self) -> float:
        """The silence that ends the turn, as things are."""
        s = self._settings
        if self._verdict_s is None:
            return s.max_delay_ms / 1000
        delay_s = max(self._verdict_s, s.open_delay_ms / 1000) if self._ending == "open" else self._verdict_s
        return min(max(delay_s, s.min_delay_ms / 1000), s.max_delay_ms / 1000)

    def _lasted_long_enough(self) -> bool:
        # Slack as in `_lasted`.
        speech_s = self._speech_end_s - self._speech_start_s + 0.0005
        return speech_s >= self._settings.min_speech_ms / 1000

    def _suspect(self, probability: float, window_s: float) -> list[EndpointDecision]:
        """A soft beginning of several windows says as much as one clear window."""
        if probability < self._settings.exit_threshold:
            cleared, self._suspected, self._evidence_s = self._suspected, False, 0.0
            return [SuspicionCleared()] if cleared else []
        self._evidence_s += probability * window_s
        enough = self._evidence_s + 0.0005 >= self._settings.suspect_ms / 1000
        # A murmur that never passes for speech would hold the agent for ever.
        if self._suspected or not enough or self._state is not _State.STARTING:
            return []
        self._suspected = True
        return [SpeechSuspected()]

    def _on_silence(self) -> list[EndpointDecision]:
        decisions: list[EndpointDecision] = []
        if not self._speculated and self._lasted(self._settings.speculate_after_ms / 1000):
            self._speculated = True
            decisions.append(SpeculationDue(self._pause_id))
        if self._again_s is not None and self._lasted(self._again_s):
            self._again_s = None
            decisions.append(VerdictDue(self._pause_id))
        delay_s, max_delay_s = self._delay_s, self._settings.max_delay_ms / 1000
        if self._lasted(max_delay_s if self._awaits_text else delay_s):
            self._state = _State.QUIET
            decisions.append(UserTurnEnded(self._speech_end_s, self._now_s, delay_s))
        return decisions

    def _lasted(self, seconds: float) -> bool:
        # Half a millisecond of slack: windows are whole multiples of a sample, not of a millisecond.
        return self._silence_s >= seconds - 0.0005
