"""The engine: put yours in its place."""

from __future__ import annotations

SENTENCE_ENDS = (".", "!", "?", "。", "！", "？")


def is_whole(text: str) -> bool:
    """Whether that is a whole sentence, as far as its punctuation says."""
    text = text.rstrip(" \n\"'”’)")
    return text.endswith(SENTENCE_ENDS) and not text.endswith("...")
