"""What is spoken in place of a written text, and how far into the one the other has come."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from voicebot.speech.spoken.rules import Edit

__all__ = ["SpokenText"]

_WORD: Final = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A clause as it is said. Words are what white space separates, here and in what was written."""

    text: str
    """What the engine gets."""
    written: str
    """What it was made from."""
    _needed: tuple[int, ...]
    """For each written word, how many spoken words bring it to its end; never falls."""

    def written_words(self, n_spoken: int) -> int:
        """How many words of the written text are covered when `n_spoken` spoken words have been heard.

        A written word counts when its last spoken word was heard; words that are said as one ("5 km", a telephone
        number) count together.
        """
        return bisect_right(self._needed, n_spoken)

    @classmethod
    def of(cls, written: str, edits: Sequence[Edit]) -> SpokenText:
        """`written` with the edits (in order, apart) made; where words would run together a space is put between."""
        out: list[str] = []
        length = 0
        joints: list[
            tuple[int, int]
        ] = []  # positions in the written and the spoken text that belong together

        def add(piece: str) -> None:
            nonlocal length
            if piece and out and out[-1][-1].isalnum() and piece[0].isalnum():
                out.append(" ")
                length += 1
            if piece:
                out.append(piece)
                length += len(piece)

        at = 0
        for edit in edits:
            add(written[at : edit.start])
            joints.append((edit.start, length))
            add(edit.spoken)
            joints.append((edit.end, length))
            at = edit.end
        add(written[at:])
        joints.append((len(written), length))
        text = "".join(out)
        return cls(text, written, tuple(_needed(written, text, joints)))


def _needed(written: str, text: str, joints: Sequence[tuple[int, int]]) -> list[int]:
    starts = [match.start() for match in _WORD.finditer(text)]
    needed: list[int] = []
    joint = spoken = 0
    for match in _WORD.finditer(written):
        end = match.end()
        while joints[joint][0] < end:
            joint += 1
        # Joints come in pairs: an even one begins an edit (or ends the text) and is counted back from, an odd one
        # ends the edit that the word ends in.
        mapped = joints[joint][1] - (joints[joint][0] - end if joint % 2 == 0 else 0)
        while spoken < len(starts) and starts[spoken] < mapped:
            spoken += 1
        needed.append(spoken)
    return needed
