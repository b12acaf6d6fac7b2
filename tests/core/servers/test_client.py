"""Connections that the server closes while nothing is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from voicebot.errors import EngineError
from voicebot.servers.client import Client, body_of

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def impatient(answers: int) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that answers so many requests of each connection, and closes it at the next one.

    Yields:
        Its address, and how many requests came on each connection.
    """
    came: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(came)
        came.append(0)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                came[number] += 1
                if came[number] > answers:
                    return
                writer.write(ANSWER)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", came


async def ask(client: Client) -> bytes:
    http = await client.open()
    request = http.build_request("GET", f"{client.where}/")
    async with client.received(lambda: http.send(request, stream=True)) as response:
        return await body_of(response)


def client_of(url: str) -> Client:
    return Client(url, "The interpreter", headers={}, connect_timeout_s=5)


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    async def main() -> list[int]:
        async with impatient(1) as (url, came), aclosing(client_of(url)) as client:
            assert [await ask(client) for _ in range(3)] == [b"ok"] * 3
            return came

    # The second request of the first connection was in vain, and that of the second one.
    assert asyncio.run(main()) == [2, 2, 1]


def test_a_server_that_closes_a_new_connection_is_asked_once() -> None:
    async def main() -> list[int]:
        async with impatient(0) as (url, came), aclosing(client_of(url)) as client:
            with pytest.raises(EngineError, match="broke"):
                await ask(client)
            return came

    assert asyncio.run(main()) == [1]
