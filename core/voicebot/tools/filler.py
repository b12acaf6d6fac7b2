"""When to say "One moment, please." because tools keep the user waiting."""

from __future__ import annotations

import re

__all__ = ["Filler", "default_filler"]

_TEXTS = {
    "de": "Einen Moment, bitte.",
    "en": "One moment, please.",
    "es": "Un momento, por favor.",
    "fr": "Un instant, s'il vous plaît.",
    "hi": "कृपया एक पल रुकिए।",
    "it": "Un momento, per favore.",
    "nl": "Een moment, alstublieft.",
    "pt": "Um momento, por favor.",
}


def default_filler(language: str) -> str:
    """What is said in this language; "" where voicebot knows nothing to say.

    Args:
        language: BCP 47 tag; the primary subtag counts.
    """
    return _TEXTS.get(re.split(r"[-_]", language.strip().casefold())[0], "")


class Filler:
    """Decides, for one answer, whether and when a filler is said: once at most (sans-I/O).

    It is due when tools have been called and nothing was audible for so long. The time that the model takes between
    two rounds of calls counts; its text ends the wait.

    Args:
        after_ms: how long it may be silent.
    """

    def __init__(self, after_ms: float) -> None:
        self._after_s = after_ms / 1000
        self._text = ""
        self._silent_since: float | None = None
        self._said = False

    @property
    def due_s(self) -> float | None:
        """When it is due, as far as is known now."""
        if self._silent_since is None or self._said or not self._text:
            return None
        return self._silent_since + self._after_s

    def calls_began(self, at_s: float, text: str) -> None:
        """Tools are being called.

        Args:
            text: what would be said now; "" for nothing.
        """
        self._text = text
        if self._silent_since is None:
            self._silent_since = at_s

    def spoke(self, at_s: float) -> None:
        """The agent was being heard at this time, or was about to be."""
        if self._silent_since is not None:
            self._silent_since = max(self._silent_since, at_s)

    def answered(self) -> None:
        """The model's text has come."""
        self._silent_since = None

    def take(self, at_s: float) -> str:
        """What to say now; "" where it is not due."""
        if self.due_s is None or at_s < self.due_s:
            return ""
        self._said = True
        return self._text
