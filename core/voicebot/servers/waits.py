"""How long a server asks to wait, in any of the ways in which servers say it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["asked_wait_s", "named_wait"]

_MAX_S = 1e6
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,12})?")
_DURATION = re.compile(
    r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,6}(?:\.\d{1,12})?)s)?(?:(\d{1,9}(?:\.\d{1,12})?)ms)?"
)
_TRY_AGAIN = re.compile(r"\btry again in ([\dhms.]{2,40})")
_LIMITS = ("requests", "tokens")


def named_wait(headers: Mapping[str, str]) -> str:
    """What the headers of a refusal say, to be read by `asked_wait_s`; "" where they say nothing.

    Args:
        headers: names in any case, as httpx has them: `Retry-After`, or `X-RateLimit-Reset-Requests` and `-Tokens` (as
            OpenAI and Groq have them, "2m59.56s") where nothing of that limit remains.
    """
    if value := headers.get("Retry-After", ""):
        return value
    resets = [
        headers.get(f"X-RateLimit-Reset-{limit}", "")
        for limit in _LIMITS
        if headers.get(f"X-RateLimit-Remaining-{limit}", "").strip() == "0"
    ]
    return max(resets, key=lambda reset: _duration_s(reset) or 0.0, default="")


def asked_wait_s(named: str, words: str = "") -> float | None:
    """Seconds, or None where nothing sensible is said.

    Args:
        named: a `Retry-After` header (seconds or a date), or a duration as in "2m59.56s".
        words: the server's message, which may say "try again in 7.66s".
    """
    named = named.strip()
    seconds = float(named) if _NUMBER.fullmatch(named) else _duration_s(named)
    if seconds is None and named:
        try:
            seconds = (parsedate_to_datetime(named).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):
            seconds = None
    if seconds is None and (found := _TRY_AGAIN.search(words)):
        seconds = _duration_s(found[1].rstrip("."))
    return seconds if seconds is not None and 0 <= seconds < _MAX_S else None


def _duration_s(text: str) -> float | None:
    found = _DURATION.fullmatch(text.strip())
    if not found or not found[0]:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000
