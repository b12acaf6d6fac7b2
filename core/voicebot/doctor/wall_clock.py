"""The time of day: credentials that expire, and certificates, go by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from voicebot.doctor.finding import Finding, Level, Patient, is_loopback

__all__ = ["clock", "server_time"]

WARN_S, FAIL_S = 5.0, 60.0
TIMEOUT_S = 5.0


async def clock(patient: Patient, now: Callable[[], float] = time.time) -> Iterable[Finding]:
    """Compare this machine's clock with the `Date` that the profile's servers answer with (whole seconds)."""
    origins = dict.fromkeys(_origin(url) for url in _urls(patient))
    skews: dict[str, float] = {}
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=True) as client:
        for origin in origins:
            began_s = now()
            try:
                response = await client.get(origin)
            except (httpx.HTTPError, httpx.InvalidURL):
                continue  # `engines` says so
            theirs_s = server_time(response.headers.get("Date", ""))
            if theirs_s is not None:
                # It was cut to a whole second somewhere between question and answer.
                earliest, latest = began_s - 1, now()
                skews[origin] = max(0.0, earliest - theirs_s) or -max(0.0, theirs_s - latest)
    for origin, skew_s in skews.items():
        if abs(skew_s) > WARN_S:
            level: Level = "fail" if abs(skew_s) > FAIL_S else "warn"
            way = "ahead of" if skew_s > 0 else "behind"
            what = f"this machine's clock is {abs(skew_s):.0f} s {way} that of {origin}"
            do = "Switch time synchronisation on: timedatectl set-ntp true (and see timedatectl status)."
            return [Finding("clock", level, what, do)]
    others = [origin for origin in skews if not is_loopback(urlsplit(origin).hostname or "")]
    if not others:
        return [
            Finding("clock", "ok", "nothing to compare the clock with: no server on another machine tells")
        ]
    return [Finding("clock", "ok", f"the clock agrees with {', '.join(others)}")]


def server_time(date: str) -> float | None:
    """Unix time of an HTTP `Date` header, or None where it is none."""
    try:
        parsed: datetime = parsedate_to_datetime(date)
        return parsed.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None


def _urls(patient: Patient) -> Iterable[str]:
    for chain in patient.resolved.chains.values():
        for section in chain:
            if url := getattr(section.config, "base_url", ""):
                yield url
    if patient.url:
        yield patient.url


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"
