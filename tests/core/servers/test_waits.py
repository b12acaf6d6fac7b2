"""How long a server asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.servers.waits import asked_wait_s, named_wait


@pytest.mark.parametrize(
    ("named", "words", "seconds"),
    [
        ("7", "", 7),
        (" 0.25 ", "", 0.25),
        ("7.66s", "", 7.66),
        ("2m59.56s", "", 179.56),
        ("1h2m", "", 3720),
        ("120ms", "", 0.12),
        ("1s500ms", "", 1.5),
        ("6", "Please try again in 9s.", 6),
        ("", "Limit 30, Used 30. Please try again in 1m26.4s. Visit https://example.com", 86.4),
        ("", "Please try again in 520ms.", 0.52),
        ("", "Please try again in 6s.", 6),
        ("nonsense", "try again in 3s", 3),
        ("", "Please try again in a minute.", None),
        ("", "Please try again in ...", None),
        ("", "", None),
        ("-3", "", None),
        ("inf", "", None),
        ("nan", "", None),
        ("1e3", "", None),
        ("9999999999", "", None),
        ("Wed, 21 Oct 1998 07:28:00 GMT", "", None),
    ],
)
def test_durations(named: str, words: str, seconds: float | None) -> None:
    assert asked_wait_s(named, words) == (None if seconds is None else pytest.approx(seconds))


def test_dates() -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    seconds = asked_wait_s(format_datetime(at, usegmt=True))
    assert seconds is not None
    assert 3300 < seconds <= 3600


def test_the_limit_that_is_used_up_counts() -> None:
    headers = httpx.Headers(
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-remaining-tokens": "17000",
            "x-ratelimit-reset-tokens": "8h",
        }
    )
    assert named_wait(headers) == "2m59.56s"
    headers["x-ratelimit-remaining-tokens"] = "0"
    assert named_wait(headers) == "8h"
    headers["retry-after"] = "3"
    assert named_wait(headers) == "3"
    assert named_wait(httpx.Headers()) == ""


@given(st.text(max_size=30) | st.text(alphabet="0123456789.hms ", max_size=20), st.text(max_size=60))
def test_any_words(named: str, words: str) -> None:
    seconds = asked_wait_s(named, words)
    assert seconds is None or 0 <= seconds < 1e6
