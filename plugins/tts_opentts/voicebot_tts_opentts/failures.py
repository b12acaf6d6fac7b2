"""What OpenTTS's refusals mean. Pure."""

from __future__ import annotations

import re

from voicebot.errors import EngineError
from voicebot.servers.failures import is_passing, sentence
from voicebot.servers.waits import asked_wait_s

__all__ = ["refusal"]

_OURS = re.compile(r"(?:Assertion|Value|Key|Type|UnicodeEncode|Parse|FileNotFound)Error\b")
"""OpenTTS answers whatever goes wrong with 500 and the exception's name: these come again with the same request."""


def refusal(status: int, words: str, *, where: str, retry_after: str = "") -> EngineError:
    """A response that is not 2xx.

    Args:
        words: what the server says, free of secrets.
    """
    quoted = f": {words}" if words else ""
    answered = f"{where} answered {status}{quoted}"
    retryable = is_passing(status)
    hint = ""
    if 300 <= status < 400:
        hint = "It points elsewhere: check base_url (https or http)."
    elif status in (401, 403, 407):
        hint = "Does a proxy before the server want credentials? They go into `headers`."
    elif status == 404 or words.startswith("NotFound:"):
        answered = f"{where} is no OpenTTS, or not at that address{quoted}"
        hint, retryable = "Check base_url; it usually ends in the port, 5500.", False
    elif status == 429:
        answered = f"{where} has had too many requests{quoted}"
    elif status == 500 and _OURS.match(words):
        retryable = False
    wait_s = asked_wait_s(retry_after) if retryable else None
    return EngineError(sentence(answered), retryable=retryable, retry_after_s=wait_s, hint=hint)
