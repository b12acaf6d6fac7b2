"""The front: both sockets, the clock, and a tidy end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from voicebot.access.door import Door
from voicebot.access.settings import AccessLimits, AccessSettings
from voicebot.clock import now
from voicebot.errors import EngineError
from voicebot.interfaces import Operations
from voicebot.link.settings import FrontSettings
from voicebot_transport_webrtc.front.doorman import Doorman
from voicebot_transport_webrtc.front.ice import ice_servers
from voicebot_transport_webrtc.front.links import Link
from voicebot_transport_webrtc.front.metrics import Metrics
from voicebot_transport_webrtc.front.sockets import unix_socket
from voicebot_transport_webrtc.front.switchboard import Switchboard
from voicebot_transport_webrtc.front.web import application, page_files

__all__ = ["serve"]

TICK_S = 0.25
"""How exact deadlines are, the shortest of which is a second."""
FAREWELL_S = 3.0
"""How long pages and call workers may take to hear that the server stops."""

_log = logging.getLogger(__name__)
_http_log = logging.getLogger("voicebot.http")
_http_log.addFilter(lambda record: not _is_of_outside(record))


async def serve(
    config: FrontSettings,
    socket_path: Path,
    on_ready: Callable[[str], None],
    operations: Operations | None = None,
    access: AccessSettings | None = None,
    base_dir: Path = Path(),
) -> None:
    """Serve pages and call workers until cancelled; then end every call.

    Args:
        on_ready: called with the page's address when both sockets listen.
        operations: what else is known of the engines.
        access: who may call.
        base_dir: what a relative file of secrets is relative to.

    Raises:
        AccessError: it would listen for strangers, and nothing says who may call.
        EngineError: the port or the socket is taken, or cannot be had.
    """
    access = access or AccessSettings()
    door = Door(access, config.host, base_dir)
    await asyncio.to_thread(door.prepare)
    board = Switchboard(
        Metrics(),
        lambda call_id: ice_servers(config, call_id, time.time()),
        door=door,
        waiting=access.limits.connections,
        unix_time=time.time,
        grace_s=config.grace_s,
        jitter_buffer_target_ms=config.jitter_buffer_target_ms,
        busy=operations.busy if operations is not None else lambda: "",
    )
    files = await asyncio.to_thread(page_files)
    if not files:
        _log.warning("the page is not built: only other clients can call")
    async with AsyncExitStack() as stack:
        # First the port: a second server is told of that, and does not touch the socket of the first.
        app = application(board, config.allowed_origins, files, operations)
        address = await stack.enter_async_context(_http(config, app, board, access.limits))
        await stack.enter_async_context(_links(socket_path, board))
        on_ready(address)
        while True:
            await asyncio.sleep(TICK_S)
            board.tick(now())


@asynccontextmanager
async def _http(
    config: FrontSettings, app: web.Application, board: Switchboard, limits: AccessLimits
) -> AsyncIterator[str]:
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_http_log,
        handle_signals=False,
        shutdown_timeout=FAREWELL_S,
        # From the beginning of a connection, and from the end of each answer, to the end of the next request.
        keepalive_timeout=limits.request_timeout_s,
        lingering_time=limits.request_timeout_s,
    )
    await runner.setup()
    serve_http = runner.server
    assert serve_http is not None
    server: asyncio.Server | None = None
    try:
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: Doorman(serve_http, board, limits.response_timeout_s), config.host, config.port
            )
        except OSError as error:
            raise EngineError(
                f"the page cannot be served at {config.host}:{config.port}: {error.strerror or error}",
                hint="Another program may have that port: set transport.port to another, or to 0 for any.",
            ) from error
        yield _address(config.host, server.sockets[0].getsockname()[1])
    finally:
        if server is not None:
            server.close()
        await runner.cleanup()


@asynccontextmanager
async def _links(path: Path, board: Switchboard) -> AsyncIterator[None]:
    links: set[Link] = set()
    with unix_socket(path) as listening:
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: Link(board, links), sock=listening
        )
        try:
            yield
        finally:
            # The port is still open here: pages hear that their calls have ended.
            board.close(now())
            server.close()
            for link in list(links):
                link.close()
            await _gone(links)


async def _gone(links: set[Link]) -> None:
    """Wait until what was sent to the call workers has left."""
    try:
        async with asyncio.timeout(FAREWELL_S):
            while links:
                await next(iter(links)).closed.wait()
    except TimeoutError:
        for link in list(links):
            link.abort()
        while links:
            await next(iter(links)).closed.wait()


def _is_of_outside(record: logging.LogRecord) -> bool:
    """What is no HTTP is answered with 400, and whoever has gone is not answered; aiohttp would log a traceback
    for each, as many as anyone likes to send."""
    return record.exc_info is not None and isinstance(
        record.exc_info[1], HttpProcessingError | ConnectionError
    )


def _address(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::", ""):
        host = "localhost"
    elif ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}/"
