"""The WebSocket's side of the front: texts in, texts out; the rules are in `page` and `switchboard`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from voicebot.clock import now
from voicebot.queues import BoundedQueue, QueueClosed
from voicebot.tasks import task_group
from voicebot_transport_webrtc.front.doorman import is_web_socket
from voicebot_transport_webrtc.front.page import From, Page
from voicebot_transport_webrtc.front.signals import MAX_BYTES
from voicebot_transport_webrtc.front.switchboard import Switchboard

__all__ = ["hold"]

MAX_UNSENT_BYTES = 1024 * 1024
ANSWER_CLOSE_S = 2.0
"""How long a page may take to answer a close."""
ABORT_S = 5.0
"""How long a connection may last once it is to be closed."""
_REASON_BYTES = 123
"""What a close frame has room for (RFC 6455 section 5.5)."""

_log = logging.getLogger(__name__)


async def hold(request: web.Request, board: Switchboard, source: From) -> web.WebSocketResponse:
    """One page's connection, from the handshake to its end."""
    socket = web.WebSocketResponse(
        timeout=ANSWER_CLOSE_S, autoping=False, compress=False, max_msg_size=MAX_BYTES + 1
    )
    await socket.prepare(request)
    is_web_socket(request.transport)
    port = _Port(request)
    page = board.page_opened(port, source, now())
    try:
        async with task_group() as group:
            await port.write_to(
                socket, group.create_task(_read(socket, page, port, board.metrics.signalling_refused))
            )
    finally:
        port.done()
    return socket


async def _read(socket: web.WebSocketResponse, page: Page, port: _Port, refused: Counter[str]) -> None:
    try:
        while True:
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                page.received(message.data, now())
            elif message.type is WSMsgType.BINARY:
                page.received(None, now())
            elif message.type is WSMsgType.PING:
                if page.pinged(now()):
                    port.pong(message.data)
            elif message.type is WSMsgType.PONG:
                page.ponged(now())
            else:
                if getattr(message.data, "code", None) == WSCloseCode.MESSAGE_TOO_BIG:
                    refused["too_large"] += 1
                return
    finally:
        page.lost(now())
        port.close(1000, "")


class _Port:
    """What is to be sent to one page, until it is."""

    def __init__(self, request: web.Request) -> None:
        self._transport = request.transport
        self._unsent = BoundedQueue[tuple[str, Any]](
            "page", MAX_UNSENT_BYTES, unit="bytes", size=lambda item: len(item[1]) + 64
        )
        self._aborting: asyncio.TimerHandle | None = None

    # --- PagePort -------------------------------------------------------------------------------------------------

    def send(self, message: Mapping[str, Any]) -> None:
        try:
            text = json.dumps(message, separators=(",", ":"), allow_nan=False)
        except ValueError as error:
            _log.warning("a message to a page has no JSON form: %s", error)
            return
        self._put("text", text)

    def ping(self) -> None:
        self._put("ping", b"")

    def close(self, code: int, reason: str) -> None:
        self._put("close", (code, reason))
        self._unsent.close()
        if self._aborting is None:
            self._aborting = asyncio.get_running_loop().call_later(ABORT_S, self._abort)

    # --- the connection -------------------------------------------------------------------------------------------

    def pong(self, data: bytes) -> None:
        self._put("pong", bytes(data))

    def _put(self, kind: str, data: Any) -> None:
        try:
            self._unsent.put_nowait((kind, data))
        except asyncio.QueueFull:
            _log.warning("a page does not read what it is sent: its connection is closed")
            self._abort()
        except QueueClosed:
            pass

    def _abort(self) -> None:
        self._unsent.close()
        if self._transport is not None:
            self._transport.abort()

    def done(self) -> None:
        if self._aborting is not None:
            self._aborting.cancel()

    async def write_to(self, socket: web.WebSocketResponse, reading: asyncio.Task[None]) -> None:
        """Send what comes, until one side has closed."""
        with contextlib.suppress(ConnectionError):
            async for kind, data in self._unsent:
                if kind == "text":
                    await socket.send_str(data)
                elif kind == "ping":
                    await socket.ping(data)
                elif kind == "pong":
                    await socket.pong(data)
                else:
                    code, reason = data
                    # While somebody reads, aiohttp closes at once: a reset could then overtake our last words.
                    reading.cancel()
                    await asyncio.wait([reading])
                    text = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
                    await socket.close(code=code, message=text.encode())
