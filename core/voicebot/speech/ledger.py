"""What the listener heard of an answer: positions of played audio mapped back to text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from voicebot.speech.spoken import SpokenText

__all__ = ["HeardLedger"]

LETTERS_PER_S = 15.0
"""A slow voice's speed (Piper's `joe` was measured at 14 to 21): where it must be guessed, claim less, not more."""


@dataclass(slots=True)
class _Clause:
    said: SpokenText
    start: int
    samples: int = 0
    ended: bool = False
    """All of its audio is known."""
    words: list[int] = field(default_factory=list)
    """Sample offsets at which the clause's words begin, in order, where the engine told them."""


class HeardLedger:
    """The clauses of one agent turn and the samples they became (sans-I/O). All texts it gives are as written.

    Where the engine names word times the cut falls after the last word that was begun; else in proportion to the
    clause's duration, at a word boundary, counting only words that were heard whole. While a clause's audio is still
    coming its duration is guessed from the turn's earlier clauses, and its last word is never counted.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._clauses: list[_Clause] = []
        self._samples = 0

    def begin_clause(self, said: SpokenText) -> None:
        """A clause begins where the audio so far ends; the one before it has ended."""
        self.end_clause()
        self._clauses.append(_Clause(said, self._samples))

    def add_audio(self, samples: int) -> None:
        """The clause begun last became this many more samples; after its end, it is followed by so much silence."""
        if not self._clauses[-1].ended:
            self._clauses[-1].samples += samples
        self._samples += samples

    def add_word(self, start_s: float) -> None:
        """A word of the clause begun last starts here, counted from the clause's first sample."""
        self._clauses[-1].words.append(round(start_s * self._sample_rate))

    def end_clause(self) -> None:
        """All audio of the clause begun last has been added."""
        if self._clauses:
            self._clauses[-1].ended = True

    @property
    def samples(self) -> int:
        """All audio so far, pauses between clauses included."""
        return self._samples

    @property
    def text(self) -> str:
        """Everything that was to be said."""
        return " ".join(clause.said.written for clause in self._clauses)

    def clause_text(self, index: int) -> str:
        return self._clauses[index].said.written

    def heard_text(self, heard_samples: int) -> str:
        """The text of the first `heard_samples` samples of the turn."""
        heard = []
        for clause in self._clauses:
            played = heard_samples - clause.start
            if played <= 0:
                break
            if clause.ended and played >= clause.samples:
                heard.append(clause.said.written)
                continue
            part = self._cut(clause, played)
            if part:
                heard.append(part)
            break
        return " ".join(heard)

    def _cut(self, clause: _Clause, played: int) -> str:
        said = clause.said
        spans = _ends(said.text)
        if len(clause.words) == len(spans) or (clause.words and not clause.ended):
            count = sum(1 for start in clause.words if start < played)
        else:
            # Letters are a fair measure of a word's duration when nothing better is known.
            reached = len(said.text) * played / self._duration(clause)
            count = sum(1 for end in spans if end <= reached)
            if not clause.ended:
                count = min(count, len(spans) - 1)
        written = said.written_words(min(count, len(spans)))
        return said.written[: _ends(said.written)[written - 1]] if written > 0 else ""

    def _duration(self, clause: _Clause) -> float:
        """Samples of the whole clause; guessed, but at least those known, while there may be more."""
        if clause.ended:
            return clause.samples
        ended = [known for known in self._clauses if known.ended and known.samples]
        letters = sum(len(known.said.text) for known in ended)
        per_letter = sum(known.samples for known in ended) / letters if letters else 0.0
        return max(
            clause.samples, (per_letter or self._sample_rate / LETTERS_PER_S) * len(clause.said.text), 1
        )


def _ends(text: str) -> list[int]:
    """Where its words end."""
    return [match.end() for match in re.finditer(r"\S+", text)]
