"""What Whisper writes that nobody said: annotations, loops, and the phrases it learnt from subtitles."""

from __future__ import annotations

import re

__all__ = ["is_phantom", "loop_start", "strip_annotations", "trim_loop"]

_ANNOTATION = re.compile(r"\[[^\[\]()]*\]|\([^\[\]()]*\)|\*[a-z][a-z ]*\*", re.IGNORECASE)
_REMAINS = re.compile(r"[\[(][^\[\]()]*$|[\[\]()♩♪♫♬]")  # of annotations that were cut short, and notes
_NOT_WORDS = re.compile(r"[\W_]+")

_MIN_COPIES = 3
_MIN_LOOP = 24
_MAX_PERIOD = 160

# One-word answers are here too: they count as made up only where the audio says that nobody spoke.
_PHANTOMS = frozenset(
    phrase.strip()
    for line in """
    you, thank you, thank you very much, thank you so much, thanks, bye, bye bye, okay, so, oh, the, i, yeah, hmm
    thank you for watching, thanks for watching, thank you for watching and see you next time
    thank you for listening, please subscribe, please subscribe to my channel, like and subscribe
    dont forget to subscribe, ill see you in the next video, see you in the next video, see you next time
    well be right back, subtitles by the amaraorg community, subtitles by, transcribed by
    transcription by castingwords, music, silence
    """.strip().splitlines()
    for phrase in line.split(",")
)


def strip_annotations(text: str) -> str:
    """Drop "[BLANK_AUDIO]", "(music)", "*coughs*" and notes; "" where no letter or digit is left."""
    previous = None
    while text != previous:
        previous, text = text, _ANNOTATION.sub(" ", text)
        if text == previous:  # no more brackets within brackets
            text = " ".join(_REMAINS.sub(" ", text).split())
    return text if _NOT_WORDS.sub("", text) else ""


def is_phantom(text: str) -> bool:
    """It is one of the phrases that Whisper writes for no speech; people say some of them too."""
    letters = re.sub(r"['’.]", "", text.casefold())
    return " ".join(_NOT_WORDS.sub(" ", letters).split()) in _PHANTOMS


def loop_start(text: str) -> int | None:
    """Where the first copy of a repeating tail ends, or None.

    A loop is a tail of at least 24 characters in which something occurs three times or more; the last copy may
    be cut short.
    """
    folded = text.casefold()
    if len(folded) != len(text):  # a few letters fold to two
        folded = text
    for period in range(1, min(_MAX_PERIOD, len(text) // _MIN_COPIES) + 1):
        start = len(text)
        while start > period and folded[start - 1] == folded[start - 1 - period]:
            start -= 1
        if len(text) - start + period >= max(_MIN_COPIES * period, _MIN_LOOP):
            return start
    return None


def trim_loop(text: str) -> str:
    """Keep one copy of a repeating tail."""
    while (start := loop_start(text)) is not None:
        text = text[:start].rstrip()
    return text
