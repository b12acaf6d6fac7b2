"""The lossy network of the browser tests does what it says."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.browser.support.impairment import Impairment, is_media
from tests.browser.support.relay import ANNOUNCED_ADDRESS, SERVER_ADDRESS, relaying

RTP, STUN, DTLS = b"\x80\x64packet", b"\x00\x01request", b"\x16\xfe\xfdhello"


def test_what_counts_as_media() -> None:
    assert [is_media(datagram) for datagram in (RTP, b"\x81\xc9report", STUN, DTLS, b"", b"\x80")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_nothing_happens_to_a_good_network() -> None:
    impairment = Impairment(1)
    assert [impairment.due_s(RTP, now) for now in (1.0, 2.0)] == [1.0, 2.0]
    assert impairment.counters.passed == 2


def test_the_loss_is_as_asked_and_spares_the_handshake() -> None:
    impairment = Impairment(1, loss=0.2)
    dropped = sum(impairment.due_s(RTP, 0.0) is None for _ in range(10_000))
    assert 1800 < dropped < 2200
    assert impairment.counters.dropped == dropped
    assert all(impairment.due_s(datagram, 5.0) == 5.0 for datagram in (STUN, DTLS) for _ in range(100))
    assert impairment.counters.spared == 200


def test_the_same_seed_loses_the_same_packets() -> None:
    first, second, third = (Impairment(seed, loss=0.3) for seed in (7, 7, 8))
    losses = [[i.due_s(RTP, 0.0) is None for _ in range(100)] for i in (first, second, third)]
    assert losses[0] == losses[1] != losses[2]


@given(seed=st.integers(0, 99), gaps=st.lists(st.floats(0, 0.1), min_size=2, max_size=50))
def test_jitter_is_within_its_limits_and_keeps_the_order(seed: int, gaps: list[float]) -> None:
    impairment = Impairment(seed, jitter_ms=50)
    now, last = 100.0, 0.0
    for gap in gaps:
        now += gap
        due = impairment.due_s(RTP, now)
        assert due is not None
        assert now <= due <= now + 0.05 + 1e-9
        assert due >= last
        last = due
    assert impairment.counters.reordered == 0


def test_packets_overtake_each_other_where_they_may() -> None:
    impairment = Impairment(3, jitter_ms=50, keep_order=False)
    due = [impairment.due_s(RTP, index * 0.02) or 0 for index in range(200)]
    assert due != sorted(due)
    assert impairment.counters.reordered > 10


@pytest.mark.parametrize("wrong", [{"loss": -0.1}, {"loss": 1.1}, {"jitter_ms": -1.0}])
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Impairment(0, **wrong)  # type: ignore[arg-type]


class _Echo(asyncio.DatagramProtocol):
    """A server that says who asked, and what."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.transport.sendto(data + str(address[1]).encode(), address)


def _ask(loop: asyncio.AbstractEventLoop, client: socket.socket, data: bytes) -> asyncio.Task[bytes]:
    async def ask() -> bytes:
        async with asyncio.timeout(10):
            await loop.sock_sendall(client, data)
            return await loop.sock_recv(client, 2000)

    return asyncio.ensure_future(ask())


def test_datagrams_go_there_and_back_for_several_clients() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server, _ = await loop.create_datagram_endpoint(_Echo, local_addr=(SERVER_ADDRESS, 0))
        port = server.get_extra_info("sockname")[1]
        up, down = Impairment(1, jitter_ms=5), Impairment(2, jitter_ms=5)
        async with relaying([port], up, down):
            clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
            for client in clients:
                client.setblocking(False)
                client.connect((ANNOUNCED_ADDRESS, port))
            answers = await asyncio.gather(*(_ask(loop, client, RTP) for client in clients))
            again = await asyncio.gather(*(_ask(loop, client, RTP) for client in clients))
            for client in clients:
                client.close()
        server.close()
        await asyncio.sleep(0)
        assert all(answer.startswith(RTP) for answer in answers)
        assert len(set(answers)) == 3  # a port of its own for each
        assert answers == again
        assert (up.counters.passed, down.counters.passed) == (6, 6)

    asyncio.run(main())


def test_a_network_that_loses_everything() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server, _ = await loop.create_datagram_endpoint(_Echo, local_addr=(SERVER_ADDRESS, 0))
        port = server.get_extra_info("sockname")[1]
        up = Impairment(1, loss=1.0)
        async with relaying([port], up, Impairment(2)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                client.connect((ANNOUNCED_ADDRESS, port))
                await loop.sock_sendall(client, RTP)
                # A request that is spared comes after it: its answer is the first one.
                assert (await _ask(loop, client, STUN)).startswith(STUN)
        server.close()
        await asyncio.sleep(0)
        assert up.counters.dropped == 1

    asyncio.run(main())


def test_a_taken_port_is_an_error_and_leaves_nothing() -> None:
    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((ANNOUNCED_ADDRESS, 0))
            with pytest.raises(OSError):
                async with relaying([taken.getsockname()[1]], Impairment(0), Impairment(0)):
                    pass

    asyncio.run(main())
