"""Whether a sound of the user, while the agent has the floor, is an interruption: a pure rule over what is known of it.

The agent is held meanwhile, so there are three answers: wait for more, drop what the agent was saying, or let it go on.
Only a transcript made at a pause dismisses a sound: one who still speaks may add to it ("uh-huh, but wait").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz

from voicebot.language.backchannels import count_words
from voicebot.language.same import words
from voicebot.language.stops import begins_with_stop
from voicebot.settings import InterruptionSettings

__all__ = [
    "DismissalReason",
    "InterruptionJudge",
    "InterruptionReason",
    "Judgement",
    "Sound",
    "judge_for",
    "says_again",
]

InterruptionReason = Literal["words", "length"]
DismissalReason = Literal["backchannel", "no_words", "short", "echo"]

ECHO_WORDS = 2
"""One word that both say is no echo: people answer with a word of the question."""
ECHO_ALIKE = 75.0
"""Percent of the letters that agree. From 70 on, with the first and last word checked, the only requests that passed
for an echo were the agent's words exactly; what is recognised of a faint echo agrees less often than not. This is the
second line of defence, behind the comparison of the sounds themselves (`voicebot.echo`)."""

SHORT_MS = 1000.0
GARBLED = 0.3
"""A recogniser makes words of any hum: of a short sound, they count from this confidence on. Whisper tiny.en wrote
"NMO" and "Imam" for "mm-hmm" at 0.14 to 0.17; clear words as short were never under 0.36."""
GARBLED_STOP = 0.15
"""The same for words that stop a speaker: a "No." that is hardly made out is worth a pause too many."""

_QUESTION = re.compile(r"[^.!?…。！？؟।]*[?？؟]")


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of it by now."""

    speech_ms: float
    text: str | None
    """What was recognised; None while there is no transcript."""
    final: bool
    """The text is that of all the speech, and a pause has come; otherwise the user may be speaking yet."""
    audible: bool
    """The agent is speaking; otherwise it is still thinking."""
    said: str
    """What the agent has said lately."""
    confidence: float | None = None
    """The recogniser's in a final text, 0 to 1, where it gives one."""


@dataclass(frozen=True, slots=True)
class Judgement:
    interrupts: bool
    """Otherwise it is dismissed."""
    why: InterruptionReason | DismissalReason


class InterruptionJudge:
    """Judges sounds, one by one; it keeps nothing of them.

    Args:
        count: how many words of a text are not words of agreement.
        stops: whether a text begins with a word that stops a speaker.
    """

    def __init__(
        self, settings: InterruptionSettings, count: Callable[[str], int], stops: Callable[[str], bool]
    ) -> None:
        self._settings = settings
        self._count = count
        self._stops = stops

    def judge(self, sound: Sound) -> Judgement | None:
        """What it is; None: wait for more. A final text always decides."""
        takes = self._settings.speaking if sound.audible else self._settings.thinking
        long_enough = sound.speech_ms >= takes.confirm_ms
        if takes.words == 0:
            if long_enough:
                return Judgement(True, "length")
            return Judgement(False, "short") if sound.final else None
        if sound.text is None or not words(sound.text):
            if not sound.final:
                # A recogniser without interim transcripts, or one that cannot make out a word.
                lasts = long_enough and sound.speech_ms >= takes.without_words_ms
                return Judgement(True, "length") if lasts else None
            return Judgement(False, "no_words" if long_enough else "short")
        if sound.final and sound.speech_ms < SHORT_MS and self._garbled(sound, sound.text):
            return Judgement(False, "no_words")
        if self._settings.echo_check and says_again(sound.text, _without_questions(sound.said)):
            return Judgement(False, "echo") if sound.final else None
        if not sound.final and self._settings.echo_check and _may_become_echo(sound.text, sound.said):
            return None
        counted = self._count(sound.text)
        # "Stop." is shorter than many a cough; at a pause, the word alone is enough.
        if counted >= takes.words and (long_enough or sound.final):
            return Judgement(True, "words")
        if not sound.final:
            return None
        return Judgement(False, "short" if counted else "backchannel")

    def _garbled(self, sound: Sound, text: str) -> bool:
        least = GARBLED_STOP if self._stops(text) else GARBLED
        return sound.confidence is not None and sound.confidence < least


def judge_for(settings: InterruptionSettings, language: str) -> InterruptionJudge:
    """The judge of a call in this language (a BCP 47 tag)."""
    return InterruptionJudge(
        settings,
        lambda text: count_words(text, language, settings.backchannels),
        lambda text: begins_with_stop(text, language),
    )


def _without_questions(said: str) -> str:
    """A question is answered in its own words: "the window or the aisle?", "the window"."""
    return _QUESTION.sub(". ", said)


def _may_become_echo(text: str, said: str) -> bool:
    """Whether the first words of an echo would read like this: too few to tell, and the agent's."""
    heard = words(text)
    return len(heard) < ECHO_WORDS and set(heard) <= set(words(said))


@lru_cache(maxsize=16)  # asked again with every window of speech
def says_again(text: str, said: str) -> bool:
    """Whether `text` is a stretch of what was said, give or take a few letters, and nothing besides.

    What the user adds before or after an echo is their own: the first and the last word have to be the stretch's, whole
    or cut off.
    """
    heard, spoken = words(text), words(said)
    if len(heard) < ECHO_WORDS:
        return False
    joined = " ".join(heard)
    # One word more or less: "ice cream", "icecream".
    for size in range(max(ECHO_WORDS, len(heard) - 1), len(heard) + 2):
        for start in range(len(spoken) - size + 1):
            stretch = spoken[start : start + size]
            if (
                fuzz.ratio(joined, " ".join(stretch), score_cutoff=ECHO_ALIKE)
                and _edge(heard[0], stretch[0])
                and _edge(heard[-1], stretch[-1])
            ):
                return True
    return False


def _edge(heard: str, spoken: str) -> bool:
    """Whether it is that word, misheard or cut off ("morrow" of "tomorrow")."""
    return fuzz.ratio(heard, spoken) >= 60 or spoken.startswith(heard) or spoken.endswith(heard)
