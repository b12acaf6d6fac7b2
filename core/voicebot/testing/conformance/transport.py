"""What is asked of a transport: of its front, where it has one, and of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from voicebot.audio import PTIME_MS, AudioChunk
from voicebot.events import StateChanged
from voicebot.interfaces import Connection, Front, Transport
from voicebot.testing.conformance.provider import ProviderConformance, checked
from voicebot.testing.conformance.rules import ConformanceError, expect

__all__ = ["TransportConformance"]

_PACKETS = 5


@dataclass(frozen=True, slots=True)
class _Served:
    address: object
    ended_by_itself: bool
    cancelled: bool


class TransportConformance(ProviderConformance[Transport]):
    def call(self, transport: Transport) -> AbstractAsyncContextManager[Connection]:
        """A call that is up; the first that comes, unless this is overridden.

        A transport with a front has to have it served, and somebody call: how that is done is the transport's own.
        """
        if transport.front() is not None:
            pytest.skip("call() is not given: it has a front serve, and calls it")
        return _first_call(transport)

    async def first_result(self, provider: Transport) -> object:
        front = provider.front()
        if front is not None:
            return await _serve(front)
        async with self.call(provider) as connection:
            return await _received(connection, 1)

    async def served(self) -> _Served:
        """What its front did, on a provider that was not warmed up."""
        found = self.stage.found
        if "served" not in found:
            transport = self.make()
            try:
                found["served"] = await _serve(_front(transport))
            finally:
                await transport.aclose()
        served: _Served = found["served"]
        return served

    # --- the front ---

    @checked
    async def test_the_front_says_where(self, transport: Transport) -> None:
        """`on_ready` is called with an address."""
        address = (await self.served()).address
        good = isinstance(address, str) and bool(address)
        expect(good, f"on_ready is called with {address!r}, which is no address.")

    @checked
    async def test_the_front_serves_until_cancelled(self, transport: Transport) -> None:
        """`serve()` does not end by itself."""
        expect(not (await self.served()).ended_by_itself, "serve() ends by itself.")

    @checked
    async def test_the_front_ends_as_cancelled(self, transport: Transport) -> None:
        """Cancelling `serve()` ends it as cancelled."""
        served = await self.served()
        expect(served.cancelled or served.ended_by_itself, "Cancelling serve() does not end it as cancelled.")

    @checked
    async def test_the_front_serves_again(self, transport: Transport) -> None:
        """When `serve()` has ended, all is let go: the next front can serve in its place."""
        transport = self.make()
        try:
            await _serve(_front(transport))
            try:
                await _serve(_front(transport))
            except Exception as error:
                raise ConformanceError(
                    f"A second front cannot serve in the first one's place: {error}"
                ) from error
        finally:
            await transport.aclose()

    # --- a call ---

    @checked
    async def test_a_call_brings_int16_mono(self, transport: Transport) -> None:
        """The user's audio is int16, in one dimension, at one rate."""
        async with self.call(transport) as connection:
            chunks = await _received(connection, _PACKETS)
        expect(bool(chunks), "No audio comes.")
        kinds = sorted({f"{chunk.samples.dtype}, {chunk.samples.ndim}-dimensional" for chunk in chunks})
        expect(kinds == ["int16, 1-dimensional"], f"The user's audio is {' and '.join(kinds)}.")
        rates = sorted({chunk.sample_rate for chunk in chunks})
        expect(len(rates) == 1, f"The user's audio changes its rate: {rates}.")

    @checked
    async def test_heard_is_what_was_sent(self, transport: Transport) -> None:
        """`heard_samples()` is None, or from 0 to what was sent, and does not go back."""
        async with self.call(transport) as connection:
            sent = last = 0
            for _ in range(_PACKETS):
                sent += await _send(connection)
                heard = connection.heard_samples()
                sensible = heard is None or last <= heard <= sent
                expect(sensible, f"Of {sent} samples sent, {heard} are heard, after {last}.")
                last = heard or 0

    @checked
    async def test_cancel_discards(self, transport: Transport) -> None:
        """After `cancel()`, no more than one packet of what was sent before is heard."""
        async with self.call(transport) as connection:
            packet = 0
            for _ in range(_PACKETS):
                packet = await _send(connection)
            connection.cancel()
            before = connection.heard_samples()
            await asyncio.sleep(_PACKETS * PTIME_MS / 1000)
            after = connection.heard_samples()
        if before is not None and after is not None:
            expect(after - before <= packet, f"{after - before} samples are heard after cancel().")

    @checked
    async def test_events_are_taken(self, transport: Transport) -> None:
        """`notify()` takes any event and returns at once."""
        async with self.call(transport) as connection:
            try:
                connection.notify(StateChanged(0.0, "listening"))
            except Exception as error:
                raise ConformanceError(f"notify() raised {error!r}.") from error

    @checked
    async def test_a_call_may_be_closed_again(self, transport: Transport) -> None:
        """A connection's `aclose()` twice is fine."""
        async with self.call(transport) as connection:
            await connection.aclose()
            try:
                await connection.aclose()
            except Exception as error:
                raise ConformanceError(f"A second aclose() of a call raised {error!r}.") from error


@asynccontextmanager
async def _first_call(transport: Transport) -> AsyncIterator[Connection]:
    async with aclosing(transport.connections()) as connections:
        async for connection in connections:
            try:
                yield connection
            finally:
                await connection.aclose()
            return
    raise ConformanceError("No call comes.")


async def _received(connection: Connection, count: int) -> list[AudioChunk]:
    """So much of the user's audio, or less where it ends."""
    chunks: list[AudioChunk] = []
    async for piece in connection.receive():
        if isinstance(piece, AudioChunk):
            chunks.append(piece)
        if len(chunks) == count:
            break
    return chunks


async def _send(connection: Connection) -> int:
    """A packet; how many samples it has."""
    count = connection.sample_rate * PTIME_MS // 1000
    await connection.send(AudioChunk(np.zeros(count, np.int16), connection.sample_rate))
    return count


def _front(transport: Transport) -> Front:
    front = transport.front()
    if front is None:
        pytest.skip("it has no front")
    return front


async def _serve(front: Front) -> _Served:
    """Until it has said where it listens; then cancel it."""
    addresses: asyncio.Queue[object] = asyncio.Queue()  # a handful: one each time it begins to listen
    serving = asyncio.create_task(front.serve(addresses.put_nowait), name="front.serve")
    listening = asyncio.create_task(addresses.get())
    try:
        await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            await serving
            raise ConformanceError("serve() ended without having listened.")
        await asyncio.sleep(0)
        ended = serving.done()
    finally:
        listening.cancel()
        serving.cancel()
        await asyncio.wait([listening, serving])
    return _Served(listening.result(), ended, serving.cancelled())
