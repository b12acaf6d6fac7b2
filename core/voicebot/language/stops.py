"""Words that stop a speaker: "no", "wait", "hold on"."""

from __future__ import annotations

import re

from voicebot.language.same import undrawn, words

__all__ = ["begins_with_stop"]

_BY_LANGUAGE = {
    "en": "no, nope, stop, wait, hold, hang, hey, sorry, excuse, actually, enough, quiet, pause, listen, but",
    "de": "nein, nee, stopp, stop, halt, moment, warte, warten, entschuldigung, sorry, genug, doch, aber",
    "fr": "non, stop, attends, attendez, arrête, arrêtez, pardon, excusez, excuse, assez, mais",
    "es": "no, para, pare, espera, espere, alto, basta, perdón, perdona, disculpa, oye, pero",
    "it": "no, stop, ferma, fermati, aspetta, aspetti, basta, scusa, scusi, ma, però",
    "nl": "nee, stop, wacht, ho, sorry, pardon, genoeg, maar",
    "pt": "não, para, pare, espera, espere, chega, desculpa, desculpe, mas",
    "hi": "नहीं, रुको, रुकिए, सुनो, सुनिए, बस, लेकिन, nahin, nahi, ruko, rukiye, suno, suniye, bas, lekin, no, stop, wait",
}
_STOPS = {
    language: frozenset(undrawn(word) for word in words(listed.replace(",", " ")))
    for language, listed in _BY_LANGUAGE.items()
}


def begins_with_stop(text: str, language: str) -> bool:
    """Whether the first word is one that stops a speaker.

    Args:
        language: BCP 47 tag; only the primary subtag counts, and of one without a list no word does.
    """
    first = next(iter(words(text)), None)
    known = _STOPS.get(re.split(r"[-_]", language.strip().casefold())[0], frozenset())
    return first is not None and undrawn(first) in known
