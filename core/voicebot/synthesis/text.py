"""Text that a speech engine can be given, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["PIECE_CHARS", "pieces", "safe_text"]

PIECE_CHARS = 400
"""The longest text given to an engine at once: about half a minute of speech."""

# Control characters (espeak-ng reads embedded commands after U+0001), lone surrogates (not encodable),
# private use and non-characters.
_UNSPEAKABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufff0-\uffff\U000f0000-\U0010ffff]"
)

_ENDS = (re.compile(r"[.!?。！？]\s"), re.compile(r"[,;:，；：]\s|\n"), re.compile(r"\s"))


def safe_text(text: str) -> str:
    """`text` with a space in place of every character that is not text; positions stay as they were."""
    return _UNSPEAKABLE.sub(" ", text)


def pieces(text: str, limit: int = PIECE_CHARS) -> Iterator[tuple[int, str]]:
    """Cut a long text into pieces of at most `limit` characters, as `(position, piece)`.

    Joined, the pieces are the text. Cuts come after a sentence where they can, or else a comma, or a word.
    """
    start = 0
    while start < len(text):
        end = start + limit
        if end < len(text):
            end = _cut(text, start, end)
        yield start, text[start:end]
        start = end


def _cut(text: str, start: int, end: int) -> int:
    half = (start + end) // 2
    for pattern in _ENDS:
        if found := list(pattern.finditer(text, half, end)):
            return found[-1].end()
    return end
