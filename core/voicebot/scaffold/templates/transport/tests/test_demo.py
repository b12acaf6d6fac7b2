from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import numpy as np
import pytest
from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot.interfaces import Transport
from voicebot.testing import context, tone
from voicebot.testing.conformance import TransportConformance

from voicebot_transport_demo import DemoConfig, DemoTransport
from voicebot_transport_demo.engine import DemoConnection

HOST = "127.0.0.1"
with socket.create_server((HOST, 0)) as free:
    PORT: int = free.getsockname()[1]


def make() -> DemoTransport:
    return DemoTransport(DemoConfig(port=PORT), context())


async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(30):
        while True:
            try:
                return await asyncio.open_connection(HOST, PORT)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)  # not listening yet


@asynccontextmanager
async def calling(
    transport: Transport,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, DemoConnection]]:
    """A call that is up: the caller's two ends, and the agent's."""
    async with aclosing(transport.connections()) as connections:
        (reader, writer), connection = await asyncio.gather(dial(), anext(connections))
        assert isinstance(connection, DemoConnection)
        try:
            yield reader, writer, connection
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


class TestDemo(TransportConformance):
    def make(self) -> DemoTransport:
        return make()

    @asynccontextmanager
    async def call(self, transport: Transport) -> AsyncIterator[DemoConnection]:
        async with calling(transport) as (_, writer, connection):
            writer.write(tone(0.2).astype("<i2").tobytes())
            yield connection


def test_a_call_goes_both_ways_to_the_sample() -> None:
    said = tone(0.5)[:-7]

    async def hold() -> None:
        async with calling(make()) as (reader, writer, connection):
            writer.write(said.astype("<i2").tobytes())
            writer.write_eof()
            heard = [chunk.samples async for chunk in connection.receive()]
            assert np.array_equal(np.concatenate(heard), said)
            await connection.send(AudioChunk(said[:320], 16_000))
            await connection.aclose()
            assert await reader.read() == said[:320].astype("<i2").tobytes()

    asyncio.run(hold())


def test_a_port_that_is_taken_is_an_error_that_says_so() -> None:
    async def listen(port: int) -> None:
        transport = DemoTransport(DemoConfig(port=port), context())
        async with aclosing(transport.connections()) as connections:
            await anext(connections)

    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EngineError, match=f"cannot listen on {HOST}:{port}"):
            asyncio.run(listen(port))
