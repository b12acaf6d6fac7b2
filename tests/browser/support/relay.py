"""A lossy network between a browser and a server on the same machine.

The server listens on 127.0.0.1 and announces 127.0.0.2, where a relay listens on the same port. The browser sends
there; the relay passes it on from a socket of its own for each client, so that answers find their way back.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count

from tests.browser.support.impairment import Impairment

__all__ = ["ANNOUNCED_ADDRESS", "relaying"]

ANNOUNCED_ADDRESS = "127.0.0.2"
SERVER_ADDRESS = "127.0.0.1"

_MAX_UNDER_WAY = 4096

Address = tuple[str, int]


@asynccontextmanager
async def relaying(
    ports: Sequence[int], towards_server: Impairment, towards_client: Impairment
) -> AsyncIterator[None]:
    """Relay UDP from (127.0.0.2, port) to (127.0.0.1, port) and back while in the block, for each of the ports.

    Raises:
        OSError: a port is taken.
    """
    relays: list[_Relay] = []
    try:
        for port in ports:
            relay = _Relay(port, towards_server, towards_client)
            relays.append(relay)
            await relay.open()
        yield
    finally:
        for relay in relays:
            relay.close()
        # Transports close their sockets in the loop's next turn.
        await asyncio.sleep(0)


class _Relay(asyncio.DatagramProtocol):
    """The side that clients see."""

    def __init__(self, port: int, towards_server: Impairment, towards_client: Impairment) -> None:
        self._port = port
        self._up, self._down = towards_server, towards_client
        self._line = _DelayLine()
        self._socket: asyncio.DatagramTransport | None = None
        self._clients: dict[Address, asyncio.Future[asyncio.DatagramTransport]] = {}

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        address = (ANNOUNCED_ADDRESS, self._port)
        self._socket, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=address)

    def close(self) -> None:
        self._line.close()
        if self._socket is not None:
            self._socket.close()
        for client in self._clients.values():
            if client.done() and not client.cancelled() and client.exception() is None:
                client.result().close()
            else:
                client.cancel()

    def datagram_received(self, data: bytes, address: Address) -> None:
        if address not in self._clients:
            self._clients[address] = asyncio.ensure_future(self._connect(address))
        client = self._clients[address]

        def deliver() -> None:
            if client.done() and not client.cancelled() and client.exception() is None:
                client.result().sendto(data)
            elif not client.done():
                client.add_done_callback(lambda _: deliver())

        self._line.put(self._up, data, deliver)

    async def _connect(self, address: Address) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Back(lambda data: self._answer(data, address)),
            local_addr=(SERVER_ADDRESS, 0),
            remote_addr=(SERVER_ADDRESS, self._port),
        )
        return transport

    def _answer(self, data: bytes, address: Address) -> None:
        socket = self._socket
        assert socket is not None
        self._line.put(self._down, data, lambda: socket.sendto(data, address))


class _Back(asyncio.DatagramProtocol):
    """One client's side towards the server."""

    def __init__(self, on_datagram: Callable[[bytes], None]) -> None:
        self._on_datagram = on_datagram

    def datagram_received(self, data: bytes, address: Address) -> None:
        self._on_datagram(data)


class _DelayLine:
    """Datagrams under way, at most 4096; of two that are due at the same time the earlier one comes first."""

    def __init__(self) -> None:
        self._under_way: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, impairment: Impairment, data: bytes, deliver: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        due_s = impairment.due_s(data, loop.time())
        if due_s is None:
            return
        if len(self._under_way) >= _MAX_UNDER_WAY:
            impairment.counters.passed -= 1
            impairment.counters.dropped += 1
            return
        heapq.heappush(self._under_way, (due_s, next(self._numbers), deliver))
        self._turn()

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        while self._under_way and self._under_way[0][0] <= loop.time():
            heapq.heappop(self._under_way)[2]()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._under_way:
            self._timer = loop.call_at(self._under_way[0][0], self._turn)

    def close(self) -> None:
        self._under_way.clear()
        if self._timer is not None:
            self._timer.cancel()
