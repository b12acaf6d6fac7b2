"""What a server reports after it has begun to answer, as an error that holds no secret."""

from __future__ import annotations

from typing import Any

from voicebot.errors import EngineError
from voicebot.servers.failures import UNPAID, Secrets, is_passing, message, sentence

__all__ = ["in_stream"]


def in_stream(error: Any, secrets: Secrets) -> EngineError:
    """The error in a chunk of the stream."""
    code = error.get("code") if isinstance(error, dict) else None
    unpaid = isinstance(code, str) and code in UNPAID
    words = message(error, secrets)
    return EngineError(
        sentence(f"The language model's server failed{f': {words}' if words else ''}"),
        retryable=is_passing(code if isinstance(code, int) else 500) and not unpaid,
    )
