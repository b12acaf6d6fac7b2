"""The engine: put yours in its place."""

from __future__ import annotations

import re

RULES = (
    (r"\bi(?: am|'m) (.+)", "How long have you been {}?"),
    (r"\bi feel (.+)", "Why do you feel {}?"),
    (r"\bmy (.+)", "Tell me more about your {}."),
    (r"(.+)\?", "What makes you ask: {}?"),
)
SWAPPED = {"i": "you", "me": "you", "my": "your", "am": "are", "you": "I", "your": "my"}


def reply(text: str, otherwise: str) -> str:
    """An answer by the first rule that fits."""
    for pattern, answer in RULES:
        if found := re.search(pattern, text, re.IGNORECASE):
            words = found[1].rstrip(".!? ").split()
            swapped = (SWAPPED.get(word.lower(), word) for word in words)
            return answer.format(" ".join(swapped))
    return otherwise
