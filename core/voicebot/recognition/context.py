"""How much of Whisper's 30 s window a clip is given.

Whisper was trained on 1,500 positions of 20 ms. A shorter window costs in proportion less time and some accuracy;
under about 400 positions the decoder falls into loops (measured on tiny.en and base).
"""

from __future__ import annotations

from math import ceil

__all__ = ["FULL_CONTEXT", "MAX_S", "MIN_CONTEXT", "SAMPLE_RATE", "context_length", "token_cap"]

SAMPLE_RATE = 16_000
"""Hz."""
FULL_CONTEXT = 1500
MIN_CONTEXT = 512
MAX_S = 30.0
"""The longest audio that the full context holds."""

_POSITIONS_PER_S = 50
_MARGIN = 64


def context_length(seconds: float, at_least: int) -> int:
    """Encoder positions for a clip: room for all of it and some silence after it, never more than 1,500."""
    return min(FULL_CONTEXT, max(at_least, ceil(_POSITIONS_PER_S * seconds) + _MARGIN))


def token_cap(seconds: float) -> int:
    """More tokens than anyone says in that time; a text that reaches it is a loop."""
    return ceil(6 + 6 * seconds)
