"""TCP connections are counted before they are heard, and those that are no WebSocket end in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from voicebot_transport_webrtc.front.switchboard import Switchboard

__all__ = ["Doorman", "is_web_socket"]


class Doorman(asyncio.Protocol):
    """Stands before a server's protocol.

    Args:
        serve: makes the server's protocol.
        lasts_s: how long a connection may last, whatever it does: read slowly, write slowly.
    """

    def __init__(self, serve: Callable[[], asyncio.Protocol], board: Switchboard, lasts_s: float) -> None:
        self._serve = serve
        self._board = board
        self._lasts_s = lasts_s
        self._key = ""
        self._inner: asyncio.Protocol | None = None
        self._timer: asyncio.TimerHandle | None = None

    def stay(self) -> None:
        """It may last."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        peer = name[0] if name else ""
        self._key = self._board.door.socket_key(peer)
        if not self._board.door.limits.socket(self._key):
            self._board.metrics.signalling_refused["too_many_sockets"] += 1
            transport.abort()
            return
        if not self._board.door.is_proxy(peer):
            self._timer = asyncio.get_running_loop().call_later(self._lasts_s, transport.abort)
        self._inner = self._serve()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stay()
        if self._inner is not None:
            self._board.door.limits.socket_over(self._key)
            self._inner.connection_lost(exc)
            self._inner = None

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()


def is_web_socket(transport: asyncio.BaseTransport | None) -> None:
    """This connection may last."""
    doorman = transport.get_protocol() if isinstance(transport, asyncio.Transport) else None
    if isinstance(doorman, Doorman):
        doorman.stay()
