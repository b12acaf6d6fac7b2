"""The front's HTTP port: the page, its signalling, and what a load balancer and a monitor ask."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Awaitable, Callable, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

from aiohttp import web

from voicebot.access.addresses import FORWARDING_HEADERS, Caller
from voicebot.clock import now
from voicebot.interfaces import Operations
from voicebot_transport_webrtc.front.metrics import exposition
from voicebot_transport_webrtc.front.page import From
from voicebot_transport_webrtc.front.pages import hold
from voicebot_transport_webrtc.front.switchboard import Switchboard

__all__ = ["HEADERS", "application", "page_files"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)

HEADERS = {
    # The same as the SFU's, for the same page.
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob: mediastream:; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "Cache-Control": "no-cache",
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MISSING = "The page is not built: run `make page` in the checkout.\n"


def page_files() -> dict[str, bytes]:
    """The page's files by path, "/index.html" for one; empty where it is not built."""
    files: dict[str, bytes] = {}

    def collect(folder: Traversable, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                collect(entry, f"{prefix}{entry.name}/")
            else:
                files[prefix + entry.name] = entry.read_bytes()

    root = resources.files("voicebot") / "page"
    if root.is_dir():
        collect(root, "/")
    return files


def application(
    board: Switchboard,
    allowed_origins: Sequence[str],
    files: dict[str, bytes],
    operations: Operations | None = None,
) -> web.Application:
    """Everything under the front's port.

    Args:
        operations: what else is known of the engines, for /readyz and /metrics.
    """

    def caller_of(request: web.Request) -> Caller:
        said = request.headers
        return board.door.caller(
            request.remote or "",
            ",".join(said.getall("X-Forwarded-For", ())),
            via_proxy=any(name in said for name in FORWARDING_HEADERS),
        )

    warned = False

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal warned
        caller = caller_of(request)
        if caller.unknown_proxy and not warned:
            warned = True
            _log.warning(
                "%s says that it brings others: if it is your proxy, add it to access.trusted_proxies; all its callers "
                "count as one address now",
                caller.address,
            )
        if not board.door.limits.request(caller.key, now()):
            board.metrics.signalling_refused["too_many_requests"] += 1
            return web.Response(status=429, text="Too many requests.\n", headers={"Retry-After": "1"})
        return await handler(request)

    async def static(request: web.Request) -> web.Response:
        path = "/index.html" if request.path == "/" else request.path
        if path not in files:
            return web.Response(
                status=404, text=_MISSING if request.path == "/" else "There is nothing here.\n"
            )
        kind, _ = mimetypes.guess_type(path)
        is_text = kind is not None and (kind.startswith("text/") or kind.endswith(("javascript", "json")))
        return web.Response(
            body=files[path],
            content_type=kind or "application/octet-stream",
            charset="utf-8" if is_text else None,
        )

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(request: web.Request) -> web.Response:
        why = (operations.obstacle() if operations else "") or board.not_ready()
        engines = operations.engines() if operations else []
        status, reason = (503, why) if why else (200, "ok")
        if "verbose" in request.query or "application/json" in request.headers.get("Accept", ""):
            details = {"ready": not why, "reason": reason, "engines": engines}
            return web.json_response(details, status=status)
        broken = [f"{one['kind']} {one['plugin']}: {one['why']}" for one in engines if one["why"]]
        return web.Response(status=status, text="\n".join([reason, *broken]))

    async def metrics(_: web.Request) -> web.Response:
        families = board.metrics.families(active=board.active, workers=board.worker_states())
        text = exposition(families) + (operations.metrics() if operations else "")
        return web.Response(text=text, headers={"Content-Type": _METRICS_TYPE})

    async def signal(request: web.Request) -> web.StreamResponse:
        if not may_call(request.headers.get("Origin"), request.headers.get("Host", ""), allowed_origins):
            board.metrics.signalling_refused["bad_origin"] += 1
            return web.Response(
                status=403, text="This page may not call here: see transport.allowed_origins.\n"
            )
        caller = caller_of(request)
        if not board.has_room(caller.key):
            board.metrics.signalling_refused["too_many"] += 1
            return web.Response(status=503, text="Too many pages wait for a call.\n")
        try:
            origin = request.headers.get("Origin")
            return await hold(request, board, From(caller, request.headers.get("Host", ""), origin))
        finally:
            board.page_gone(caller.key)

    app = web.Application(middlewares=[limit])
    app.router.add_get("/signal", signal)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/{path:.*}", static)
    app.on_response_prepare.append(_add_headers)
    return app


def may_call(origin: str | None, host: str, allowed: Sequence[str]) -> bool:
    """Whether a WebSocket may be opened: by the front's own page, a named one, or what is no browser (no origin)."""
    if origin is None:
        return True
    if origin.lower() in {other.lower() for other in allowed}:
        return True
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
