"""Whether the caller has agreed that something is kept (sans-I/O). It fails closed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from voicebot.events import Event, UserTranscript

__all__ = ["Consent", "plain_words"]


def plain_words(text: str) -> str:
    """The words alone: no punctuation, no capitals, one space between them."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"[^\W_]+(?:['’][^\W_]+)*", folded)).replace("’", "'")


class Consent:
    """Listens for a turn of the user that is one of these phrases and nothing else.

    "I agree" does not count within "I don't agree", nor where more was said: who is not sure asks again.

    Attributes:
        phrase: the profile's phrase that was said; "" while there is none, and where none is needed.
        since_turn: the exchange from which on things may be kept; None while nothing may.
    """

    def __init__(self, *, required: bool, phrases: Sequence[str]) -> None:
        self.phrase = ""
        self.since_turn: int | None = None if required else 0
        self._phrases = {words: phrase for phrase in phrases if (words := plain_words(phrase))}

    @property
    def given(self) -> bool:
        return self.since_turn is not None

    def hear(self, event: Event) -> bool:
        """Whether it is given by this event."""
        if self.given or not isinstance(event, UserTranscript) or not event.final:
            return False
        phrase = self._phrases.get(plain_words(event.text))
        if phrase is None:
            return False
        self.phrase, self.since_turn = phrase, event.turn_id
        return True

    def covers(self, event: Event) -> bool:
        """Whether the event may be kept: not what is told late of exchanges before consent."""
        turn: int | None = getattr(event, "turn_id", None)
        return self.since_turn is not None and (turn is None or turn >= self.since_turn)
