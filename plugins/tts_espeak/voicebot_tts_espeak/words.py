"""From eSpeak's word events to one time for each word of the text."""

from __future__ import annotations

import re
from bisect import bisect_right

from voicebot.interfaces import WordMark

__all__ = ["WordTimes"]


class WordTimes:
    """Gives every whitespace-separated word of a text exactly one mark, in order.

    eSpeak says where a word begins in the text and in the audio, but not once per word: it reads "of the" in
    one go and a number in several. A word with several events takes the first; a word with none is placed
    between its neighbours, in proportion.
    """

    def __init__(self, text: str) -> None:
        self._words = [(match.start(), match.group()) for match in re.finditer(r"\S+", text)]
        self._starts = [start for start, _ in self._words]
        self._next = 0
        self._last_s = 0.0

    def event(self, position: int, start_s: float) -> list[WordMark]:
        """The marks that follow from "what is at `position` of the text begins at `start_s`"."""
        if not self._words:
            return []
        return self._until(max(0, bisect_right(self._starts, position) - 1), max(start_s, self._last_s))

    def finish(self, end_s: float) -> list[WordMark]:
        """Marks of the words that had none, now that the audio has ended."""
        return self._until(len(self._words), max(end_s, self._last_s))

    def _until(self, index: int, start_s: float) -> list[WordMark]:
        """Mark the words up to and with `index`, which begins at `start_s` (past the last word: the end)."""
        missed = index - self._next
        if missed < 0:
            return []
        # The word before these began at `_last_s`; at the very beginning there is none.
        step = (start_s - self._last_s) / (missed + 1 if self._next else max(1, missed))
        first = self._last_s + (step if self._next else 0.0)
        marks = [WordMark(self._words[self._next + i][1], first + i * step) for i in range(missed)]
        if index < len(self._words):
            marks.append(WordMark(self._words[index][1], start_s))
        self._next = index + 1
        self._last_s = start_s
        return marks
