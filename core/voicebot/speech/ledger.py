"""What the listener heard of an answer: positions of played audio mapped back to text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["HeardLedger"]


@dataclass(slots=True)
class _Clause:
    text: str
    start: int
    samples: int = 0
    words: list[int] = field(default_factory=list)
    """Sample offsets at which the clause's words begin, in order, where the engine told them."""


class HeardLedger:
    """The clauses of one agent turn and the samples they became (sans-I/O).

    Where the engine names word times the cut falls after the last word that was begun; else in proportion to the
    clause's duration, at a word boundary, counting only words that were heard whole.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._clauses: list[_Clause] = []
        self._samples = 0

    def begin_clause(self, text: str) -> None:
        self._clauses.append(_Clause(text, self._samples))

    def add_audio(self, samples: int) -> None:
        """The clause begun last became this many more samples."""
        self._clauses[-1].samples += samples
        self._samples += samples

    def add_word(self, start_s: float) -> None:
        """A word of the clause begun last starts here, counted from the clause's first sample."""
        self._clauses[-1].words.append(round(start_s * self._sample_rate))

    @property
    def text(self) -> str:
        """Everything that was to be said."""
        return " ".join(clause.text for clause in self._clauses)

    def clause_at(self, samples: int) -> int | None:
        """Index of the clause that sample belongs to."""
        for index in reversed(range(len(self._clauses))):
            if self._clauses[index].start <= samples:
                return index
        return None

    def clause_text(self, index: int) -> str:
        return self._clauses[index].text

    def heard_text(self, heard_samples: int) -> str:
        """The text of the first `heard_samples` samples of the turn."""
        heard = []
        for clause in self._clauses:
            played = heard_samples - clause.start
            if played <= 0:
                break
            # A clause is whole only once its audio is known whole, which is when the next one has begun or it ended.
            if played >= clause.samples:
                heard.append(clause.text)
                continue
            part = self._cut(clause, played)
            if part:
                heard.append(part)
            break
        return " ".join(heard)

    @staticmethod
    def _cut(clause: _Clause, played: int) -> str:
        spans = [match.end() for match in re.finditer(r"\S+", clause.text)]
        if len(clause.words) == len(spans):
            count = sum(1 for start in clause.words if start < played)
        else:
            # Letters are a fair measure of a word's duration when nothing better is known.
            reached = len(clause.text) * played / clause.samples
            count = sum(1 for end in spans if end <= reached)
        return clause.text[: spans[count - 1]] if count else ""
