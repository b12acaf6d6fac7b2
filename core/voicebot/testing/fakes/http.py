"""A small HTTP/1.1 server for fakes: asyncio and h11, keep-alive, streamed bodies, faults on demand.

    async def hello(request: Request) -> Response:
        return json_response({"path": request.path})

    async with FakeServer(hello) as server:
        server.faults.append(Fault("status", "/v1/", status=429, retry_after="2"))
        ...                             # use server.url
        await server.wait_hung_up()     # a client stopped an answer

From outside, `POST /__faults` with a `Fault` as JSON adds one, and `DELETE /__faults` removes all.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from voicebot.testing.fakes.faults import Fault, damaged, needs_answer, read_fault, take
from voicebot.testing.fakes.messages import Handler, Request, Response, json_response
from voicebot.testing.fakes.peer import Peer, Shared

__all__ = ["FakeServer", "Handler", "Request", "Response", "json_response"]

_FAULTS_PATH = "/__faults"


class FakeServer:
    """Serves `handler` while it is entered; nothing outlives it.

    Leaving it raises what the handler raised first, if anything: the client was answered 500 then.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._handler = handler
        self._port, self._host, self._ssl = port, host, ssl_context
        self._server: asyncio.Server | None = None
        self._shared = Shared(self._answer)
        self.url = ""
        """As in "http://127.0.0.1:PORT"."""
        self.requests: list[Request] = []
        """All that came, those to `/__faults` excepted."""
        self.hung_up: list[float] = self._shared.hung_up
        """Loop times at which a client closed its connection before the answer to its request had been sent."""
        self.faults: list[Fault] = []

    @property
    def connections(self) -> int:
        """How many were made so far."""
        return self._shared.connections

    @property
    def failures(self) -> list[Exception]:
        """What the handler raised."""
        return self._shared.failures

    async def __aenter__(self) -> Self:
        """Raises OSError where it cannot listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Peer(self._shared), self._host, self._port, ssl=self._ssl
        )
        port = self._server.sockets[0].getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http{'s' if self._ssl else ''}://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        peers = self.go()
        await asyncio.gather(*self._shared.tasks, return_exceptions=True)
        for peer in peers:
            await peer.lost.wait()
        await self._server.wait_closed()
        if self.failures and error is None:
            raise self.failures[0]

    def go(self) -> list[Peer]:
        """Serve no more: whoever is connected is cut off, and whoever comes is refused.

        Returns:
            The connections that there were.
        """
        assert self._server is not None
        self._server.close()
        peers = list(self._shared.peers)
        for peer in peers:
            peer.close()
        return peers

    async def wait_hung_up(self, count: int = 1) -> None:
        """Until so many clients have hung up in the middle of an answer."""
        while len(self.hung_up) < count:
            self._shared.stir.clear()
            await self._shared.stir.wait()

    async def _answer(self, request: Request, peer: Peer) -> None:
        if request.path == _FAULTS_PATH:
            await peer.send(self._control(request))
            return
        self.requests.append(request)
        fault = take(self.faults, request.path)
        if fault is None:
            await peer.send(await self._ask(request))
        elif not needs_answer(fault):
            await peer.send_damaged(damaged(fault))
        else:
            response = await self._ask(request)
            streamed = not isinstance(response.body, bytes)
            body = response.body if isinstance(response.body, bytes) else await _whole(response.body)
            headers = tuple(response.headers.items())
            await peer.send_damaged(damaged(fault, response.status, headers, body, streamed=streamed))

    async def _ask(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except Exception as error:
            self._shared.failed(error)
            return json_response({"error": {"message": f"The fake itself failed: {error!r}"}}, 500)

    def _control(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self.faults.append(read_fault(request.body))
            except ValueError as error:
                return json_response({"error": {"message": str(error)}}, 400)
        elif request.method == "DELETE":
            self.faults.clear()
        else:
            return json_response({"error": {"message": "POST a fault, or DELETE them all."}}, 405)
        return Response(204)


async def _whole(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])
