"""The page as people open it: over TLS, with signalling that gets through, and without the metrics."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx

from voicebot.doctor.finding import Finding, Patient, is_loopback

__all__ = ["page"]

TIMEOUT_S = 8.0
PROXY = "Put a proxy with a certificate before it: deploy/Caddyfile, docs/deployment.md."


async def page(patient: Patient) -> Iterable[Finding]:
    """What stands between people and the microphone. Where the page is opened is known only from `--url`."""
    if patient.front is None:
        return []
    if patient.url:
        return await _look_at(patient.url)
    host = patient.front.host
    if not is_loopback(host):
        what = f"the page is served at {host} without TLS: browsers give their microphone only to https or localhost"
        return [Finding("page", "warn", what, f"{PROXY} Then host: 127.0.0.1, and --url https://… here.")]
    if patient.is_public:
        what = "the page is for this machine only, while audio is taken from others"
        return [
            Finding("page", "warn", what, f"{PROXY} Then give --url https://… here, and it is looked at.")
        ]
    return [Finding("page", "ok", "the page is for browsers on this machine")]


async def _look_at(url: str) -> Iterable[Finding]:
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        what = f"{url} is no https: browsers give it no microphone"
        return [Finding("page", "fail", what, PROXY)]
    found = []
    root = url.rstrip("/")
    async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
        try:
            health = await client.get(f"{root}/healthz")
        except httpx.HTTPError as error:
            return [Finding("page", "fail", f"{root} cannot be opened: {_why(error)}", _mend(error))]
        if health.status_code != 200 or health.text.strip() != "ok":
            what = f"{root}/healthz answers {health.status_code}, not voicebot's `ok`"
            do = "Does the proxy point to transport.host and transport.port, and is voicebot running?"
            return [Finding("page", "fail", what, do)]
        handshake = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Origin": f"{parts.scheme}://{parts.netloc}",
        }
        signal = await _status(client, f"{root}/signal", handshake)
        if signal == 403:
            do = "The proxy must pass the Host header on, or list the page in transport.allowed_origins."
            found.append(Finding("page", "fail", f"{root}/signal refuses the page's own origin", do))
        elif signal != 101:
            do = "The proxy must pass WebSockets on (Upgrade, Connection); /signal is one."
            found.append(Finding("page", "fail", f"{root}/signal answers {signal} to a WebSocket", do))
        if await _status(client, f"{root}/metrics", {}) == 200:
            what = f"{root}/metrics is open to whoever asks from here"
            do = "Fine from a private network; else let the proxy refuse it, as deploy/Caddyfile does."
            found.append(Finding("page", "warn", what, do))
    return found or [
        Finding("page", "ok", f"{root}: the page, its certificate and its signalling are in order")
    ]


async def _status(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> int:
    try:
        async with client.stream("GET", url, headers=headers) as response:
            return response.status_code
    except httpx.HTTPError:
        return 0


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _mend(error: httpx.HTTPError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return (
                "Its certificate is not one that browsers trust: see the proxy's log for why it has got none."
            )
        cause = cause.__cause__ or cause.__context__
    return "Does its name lead to this machine (DNS), are TCP 80 and 443 open, and is the proxy running?"
