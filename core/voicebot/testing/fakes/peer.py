"""A fake server's end of one connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import h11

from voicebot.testing.fakes.faults import Damaged
from voicebot.testing.fakes.messages import Request, Response, read_request

__all__ = ["Peer", "Shared"]

MAX_REQUEST_BYTES = 64 << 20
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Shared:
    """What a server's connections share."""

    answer: Callable[[Request, Peer], Awaitable[None]]
    peers: set[Peer] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    hung_up: list[float] = field(default_factory=list)
    stir: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each entry in `hung_up`."""
    failures: list[Exception] = field(default_factory=list)
    connections: int = 0

    def failed(self, error: Exception) -> None:
        _log.error("The fake failed.", exc_info=error)
        self.failures.append(error)


class Peer(asyncio.Protocol):
    """One connection, kept alive: one request after the other."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._http = h11.Connection(h11.SERVER)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._answering: asyncio.Task[None] | None = None
        """While it is set, a client that goes has hung up."""
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.lost = asyncio.Event()

    # --- what comes ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._shared.peers.add(self)
        self._shared.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
        self._shared.peers.discard(self)
        self.lost.set()

    def eof_received(self) -> None:
        """No HTTP client closes one half only: it has gone."""
        self._gone()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._advance()

    def _advance(self) -> None:
        try:
            while self._answering is None:
                event = self._http.next_event()
                if isinstance(event, h11.Request):
                    self._head, self._body = event, bytearray()
                    if self._http.they_are_waiting_for_100_continue:
                        self._write(h11.InformationalResponse(status_code=100, headers=[]))
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > MAX_REQUEST_BYTES:
                        self._transport.abort()
                        return
                elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                    self._begin(read_request(self._head, bytes(self._body)))
                else:
                    return
        except h11.RemoteProtocolError:
            self._transport.abort()

    def _begin(self, request: Request) -> None:
        task = self._answering = self._loop.create_task(self._answer(request), name="fake answer")
        self._shared.tasks.add(task)
        task.add_done_callback(self._shared.tasks.discard)

    def _gone(self) -> None:
        task, self._answering = self._answering, None
        if task is not None:
            task.cancel()
            self._transport.abort()
            self._shared.hung_up.append(self._loop.time())
            self._shared.stir.set()

    def close(self) -> None:
        """By the server's own will."""
        task, self._answering = self._answering, None
        if task is not None:
            task.cancel()
        self._transport.abort()

    # --- what goes ---

    async def _answer(self, request: Request) -> None:
        try:
            await self._shared.answer(request, self)
        except Exception as error:
            self._shared.failed(error)
            self._answering = None
            self._transport.abort()
            return
        self._answering = None
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._advance()
        else:
            self._transport.close()

    async def send(self, response: Response) -> None:
        body = response.body
        length = len(body) if isinstance(body, bytes) else None
        self._send_head(response.status, tuple(response.headers.items()), length)
        if isinstance(body, bytes):
            await self._send_body(body)
        else:
            try:
                async for chunk in body:
                    await self._send_body(chunk)
            finally:
                if close := getattr(body, "aclose", None):
                    await close()
        self._write(h11.EndOfMessage())

    async def send_damaged(self, answer: Damaged) -> None:
        if not answer.silent:
            self._send_head(answer.status, answer.headers, answer.length)
            if answer.gap_s is None:
                await self._send_body(answer.body)
            else:
                for index in range(len(answer.body)):
                    await self._send_body(answer.body[index : index + 1])
                    await asyncio.sleep(answer.gap_s)
        match answer.ending:
            case "whole":
                self._write(h11.EndOfMessage())
            case "stall":
                await asyncio.Event().wait()
            case "close":
                self._answering = None
                self._transport.close()
            case "reset":
                self._answering = None
                sock = self._transport.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._transport.abort()

    def _send_head(self, status: int, headers: tuple[tuple[str, str], ...], length: int | None) -> None:
        framing = [] if length is None or status == 204 else [("Content-Length", str(length))]
        self._write(h11.Response(status_code=status, headers=[*headers, *framing]))

    async def _send_body(self, data: bytes) -> None:
        if data and self._head is not None and self._head.method != b"HEAD":
            self._write(h11.Data(data=data))
            await self._may_write.wait()

    def _write(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._transport.write(data)
