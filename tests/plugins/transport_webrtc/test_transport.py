"""The whole transport in one process: a plain aiortc peer <-> front and call worker <-> a session's audio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.plugins.transport_webrtc.peers import (
    RATE,
    SAMPLES,
    Browser,
    Pcm,
    browser,
    call_up,
    frequency_of,
    tone,
    whole_transport,
)
from tests.plugins.transport_webrtc.support import LIMIT_S, PageClient, RunningFront, page, run, running_front

from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.errors import EngineError
from voicebot.events import StateChanged
from voicebot.interfaces import HeardReport, ProviderContext
from voicebot.models import ModelStore
from voicebot.rtp.connection import RtpConnection
from voicebot.testing import run_virtual
from voicebot_transport_webrtc import WebRtcConfig, WebRtcTransport

Connections = AsyncGenerator[RtpConnection, None]


@asynccontextmanager
async def connected(
    front: RunningFront, connections: Connections, caller: PageClient, peer: Browser
) -> AsyncIterator[RtpConnection]:
    """A call, from `join` to the session's connection."""
    asking = asyncio.create_task(anext(connections))
    try:
        await front.ready()
        assert (await caller.join())["type"] == "joined"
        await call_up(caller, peer)
        yield await asyncio.wait_for(asyncio.shield(asking), LIMIT_S)
    finally:
        await stop(asking)
        await connections.aclose()


async def stop(task: asyncio.Task[RtpConnection]) -> None:
    if not task.done():
        task.cancel()
    await asyncio.wait([task])


async def listen(connection: RtpConnection, seconds: float) -> Pcm:
    """What the user says, for that long on the audio's own clock."""
    chunks: list[Pcm] = []
    async with asyncio.timeout(LIMIT_S):
        async for item in connection.receive():
            assert isinstance(item, AudioChunk)
            assert item.sample_rate == 16_000
            chunks.append(item.samples)
            if sum(map(len, chunks)) >= seconds * 16_000:
                break
    return np.concatenate(chunks)


async def speak(connection: RtpConnection, samples: Pcm) -> None:
    """Send it at the pace of its own clock, 60 ms ahead."""
    start = now()
    for index in range(len(samples) // SAMPLES):
        await asyncio.sleep(max(0.0, start + index * 0.02 - 0.06 - now()))
        await connection.send(AudioChunk(samples[index * SAMPLES : (index + 1) * SAMPLES], RATE))


async def until(condition: str, test: object) -> None:
    """Wait for what `test()` says."""
    assert callable(test)
    async with asyncio.timeout(LIMIT_S):
        while not test():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


def sockets() -> set[str]:
    links = [Path("/proc/self/fd", entry.name) for entry in Path("/proc/self/fd").iterdir()]
    return {str(link.readlink()) for link in links if link.is_symlink() and "socket:" in str(link.readlink())}


def test_audio_both_ways_and_nothing_is_left(tmp_path: Path) -> None:
    async def main() -> None:
        before = sockets()
        async with whole_transport(tmp_path) as (front, transport, caller), browser(440) as peer:
            connections = transport.connections()
            async with connected(front, connections, caller, peer) as connection:
                speaking = asyncio.create_task(speak(connection, tone(1000, 60)))
                heard = await listen(connection, 1.0)
                assert frequency_of(heard[-8000:], 16_000) == pytest.approx(440, abs=4)
                await speaking
                await until("all is sent", lambda: connection.heard_samples() == 60 * SAMPLES)
                await peer.hears(10)
                audible = np.concatenate([samples for samples in peer.heard if np.abs(samples).max() > 1000])
                assert len(audible) >= 40 * SAMPLES
                assert frequency_of(audible, RATE) == pytest.approx(1000, abs=10)

                connection.notify(StateChanged(1.5, "listening"))
                assert await caller.receive() == {
                    "type": "event",
                    "event": {"name": "state_changed", "at_s": 1.5, "state": "listening"},
                }
                await caller.send({"type": "heard", "turn_id": 3, "voice_to_voice_ms": 812.5})
                async with asyncio.timeout(LIMIT_S):
                    async for item in connection.receive():
                        if isinstance(item, HeardReport):
                            assert item == HeardReport(3, 812.5)
                            break

                # The session hangs up; the page is told, and the next call can come.
                await connection.aclose()
                assert (await caller.receive())["reason"] == "hung_up"
                assert await caller.closed() == 1000
                again = asyncio.create_task(anext(connections))
                await front.ready()
                await stop(again)
        assert sockets() <= before
        assert not [thread.name for thread in threading.enumerate() if "decoder" in thread.name]

    run(main())


def test_the_pages_fec_and_dtx_follow_the_profile(tmp_path: Path) -> None:
    async def main() -> None:
        for opus, expected in (
            ({}, "minptime=10;useinbandfec=1;usedtx=1"),
            ({"fec": False, "dtx": False}, "minptime=10"),
        ):
            async with whole_transport(tmp_path, opus=opus) as (front, transport, caller), browser() as peer:
                connections = transport.connections()
                asking = asyncio.create_task(anext(connections))
                await front.ready()
                await caller.join()
                offer = await peer.offer()
                await caller.send({"type": "request", "id": 1, "method": "offer", "data": {"sdp": offer}})
                answer = (await caller.receive())["data"]["sdp"]
                lines = answer.split("\r\n")
                payload_type = lines[
                    next(i for i, line in enumerate(lines) if line.startswith("m="))
                ].split()[3:]
                assert len(payload_type) == 1  # Opus and nothing else
                assert f"a=rtpmap:{payload_type[0]} opus/48000/2" in lines
                assert f"a=fmtp:{payload_type[0]} {expected}" in lines
                assert "a=ptime:20" in lines
                assert "a=sendrecv" in lines
                assert any(line.startswith("a=candidate:") and " 127.0.0.1 " in line for line in lines)
                await caller.send({"type": "leave"})
                await caller.closed()
                await stop(asking)
                await connections.aclose()

    run(main())


def test_silence_is_not_sent_and_keeps_the_clock(tmp_path: Path) -> None:
    """Timestamps go on in real time over DTX, markers open talk spurts, sender reports map both clocks."""

    async def main() -> None:
        async with (
            whole_transport(tmp_path) as (front, transport, caller),
            browser() as peer,
            connected(front, transport.connections(), caller, peer) as connection,
        ):
            await speak(connection, tone(1000, 15))
            await until("reports in the pause", lambda: len(peer.reports) >= 3)
            pause = len(peer.packets)
            await speak(connection, tone(1000, 15))
            await until("all is sent", lambda: connection.heard_samples() == 30 * SAMPLES)
            await peer.hears(5)

            packets = [packet for _, packet in peer.packets]
            numbers = [packet.sequence_number for packet in packets]
            assert numbers == [(numbers[0] + i) % 65_536 for i in range(len(numbers))]
            assert len({packet.ssrc for packet in packets}) == 1
            first = next(i for i, packet in enumerate(packets) if packet.marker)
            second = next(i for i, packet in enumerate(packets) if packet.marker and i >= pause)
            assert all(len(packet.payload) > 2 for packet in packets if packet.marker)
            # In the pause one packet says so, and then there is one every 400 ms.
            steps = [
                (after.timestamp - before.timestamp) % 2**32 // SAMPLES
                for before, after in pairwise(packets[first:second])
            ]
            assert max(steps) >= 20
            elapsed_s = peer.packets[second][0] - peer.packets[first][0]
            ticks = (packets[second].timestamp - packets[first].timestamp) % 2**32
            assert ticks / RATE == pytest.approx(elapsed_s, abs=0.4)
            assert second - first < ticks / SAMPLES / 2

            # Any two reports agree on how fast the clocks go, also across the pause.
            one, other = peer.reports[0], peer.reports[-1]
            ntp_s = (other.ntp_timestamp - one.ntp_timestamp) / 2**32
            rtp_s = (other.rtp_timestamp - one.rtp_timestamp) % 2**32 / RATE
            assert rtp_s == pytest.approx(ntp_s, abs=0.3)
            assert 0 < other.packet_count <= len(packets)
            assert other.octet_count <= sum(len(packet.payload) for packet in packets)

    run(main())


def test_the_pages_losses_are_reported_to_it_and_mended(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            whole_transport(tmp_path) as (front, transport, caller),
            browser(440, lose=5) as peer,
            connected(front, transport.connections(), caller, peer) as connection,
        ):
            heard = await listen(connection, 2.0)
            assert frequency_of(heard[-16_000:], 16_000) == pytest.approx(440, abs=4)
            report = await peer.stats("remote-inbound-rtp")
            async with asyncio.timeout(LIMIT_S):
                while report.packetsLost < 10:
                    await asyncio.sleep(0.05)
                    report = await peer.stats("remote-inbound-rtp")
            assert report.fractionLost / 256 == pytest.approx(0.2, abs=0.1)
            statistics = connection.receiver.statistics
            assert statistics.lost == pytest.approx(statistics.received / 4, abs=4)
            assert statistics.invalid == 0

    run(main())


def test_cancel_is_silent(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            whole_transport(tmp_path) as (front, transport, caller),
            browser() as peer,
            connected(front, transport.connections(), caller, peer) as connection,
        ):
            speech = tone(1000, 8)
            for index in range(8):
                await connection.send(AudioChunk(speech[index * SAMPLES : (index + 1) * SAMPLES], RATE))
            await until("it speaks", lambda: connection.heard_samples() != 0)
            connection.cancel()
            sent = connection.heard_samples()
            assert sent is not None
            assert sent < 8 * SAMPLES
            await peer.hears(6)
            loud = sum(1 for samples in peer.heard if np.abs(samples).max() > 4000)
            assert loud <= sent // SAMPLES + 1  # a packet's sound is decoded over two
            assert connection.heard_samples() == sent

    run(main())


def test_a_new_offer_replaces_the_path_and_the_call_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            whole_transport(tmp_path) as (front, transport, caller),
            browser(440) as peer,
            connected(front, transport.connections(), caller, peer) as connection,
        ):
            await listen(connection, 0.3)
            async with browser(700) as other:
                await call_up(caller, other, 2)
                await until("the old one is told", lambda: peer.connection.connectionState == "closed")
                speaking = asyncio.create_task(speak(connection, tone(1000, 40)))
                await other.hears(40)
                await speaking
                assert frequency_of((await listen(connection, 1.0))[-6400:], 16_000) == pytest.approx(
                    700, abs=4
                )
                audible = np.concatenate([h for h in other.heard if np.abs(h).max() > 1000])
                assert frequency_of(audible, RATE) == pytest.approx(1000, abs=10)
                assert {p.ssrc for _, p in peer.packets} == {p.ssrc for _, p in other.packets}

    run(main())


def test_a_bad_offer_is_refused_and_the_call_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            whole_transport(tmp_path) as (front, transport, caller),
            browser() as peer,
            connected(front, transport.connections(), caller, peer) as connection,
        ):
            for number, sdp in enumerate(("hello", await_offer(peer)), start=10):
                await caller.send({"type": "request", "id": number, "method": "offer", "data": {"sdp": sdp}})
                answer = await caller.receive()
                assert (answer["id"], answer["ok"], answer["code"]) == (number, False, "bad_sdp")
                assert answer["message"]
            heard = await listen(connection, 0.5)
            assert np.abs(heard).max() > 1000

    def await_offer(peer: Browser) -> str:
        """One that passes our own look, and not aiortc's."""
        offer = peer.connection.localDescription.sdp
        return offer.replace("a=mid:0", "a=extmap:x y\r\na=mid:0")

    run(main())


def test_a_call_that_ends_before_its_path_is_passed_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with whole_transport(tmp_path) as (front, transport, caller), browser() as peer:
            connections = transport.connections()
            asking = asyncio.create_task(anext(connections))
            await front.ready()
            await caller.join()
            offer = await peer.offer()
            await caller.send({"type": "request", "id": 1, "method": "offer", "data": {"sdp": offer}})
            assert (await caller.receive())["ok"]
            await caller.send({"type": "leave"})
            assert await caller.closed() == 1000
            await front.ready()  # the worker takes the next one
            assert not asking.done()
            async with page(front) as again, browser() as second:
                await again.join()
                await call_up(again, second)
                connection = await asyncio.wait_for(asking, LIMIT_S)
                assert len(await listen(connection, 0.2))
                await again.send({"type": "leave"})
                async with asyncio.timeout(LIMIT_S):
                    async for _ in connection.receive():
                        pass  # until the user has gone
            await connections.aclose()

    run(main())


def test_offers_that_still_wait_at_the_end_hold_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers: list[str] = []
    begun, hung_up = asyncio.Event(), asyncio.Event()

    class SlowPeer:
        """One whose search for addresses lasts until the call is over."""

        def __init__(self, **_: object) -> None: ...

        async def answer(self, offer: str) -> str:
            offers.append(offer)
            begun.set()
            await hung_up.wait()
            return "answer"

        async def aclose(self) -> None: ...

    monkeypatch.setattr("voicebot_transport_webrtc.call.Peer", SlowPeer)

    async def main() -> None:
        async with whole_transport(tmp_path) as (front, transport, caller):
            connections = transport.connections()
            asking = asyncio.create_task(anext(connections))
            await front.ready()
            await caller.join()
            for number in range(5):
                await caller.send(
                    {"type": "request", "id": number, "method": "offer", "data": {"sdp": f"{number}"}}
                )
            await asyncio.wait_for(begun.wait(), LIMIT_S)
            await caller.send({"type": "leave"})
            assert await caller.closed() == 1000
            await front.metric_becomes('voicebot_call_workers{state="ending"}', 0)
            hung_up.set()
            await front.ready()
            assert offers == ["0"]
            await stop(asking)
            await connections.aclose()

    run(main())


def test_a_path_that_stays_away_ends_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with (
            whole_transport(tmp_path) as (front, transport, caller),
            browser() as peer,
            connected(front, transport.connections(), caller, peer) as connection,
        ):
            monkeypatch.setattr("voicebot_transport_webrtc.call.PATH_WITHIN_S", 0.2)
            await peer.connection.close()
            ended = await caller.receive()
            assert (ended["reason"], "no path" in ended["message"]) == ("failed", True)
            async with asyncio.timeout(LIMIT_S):
                async for _ in connection.receive():
                    pass

    run(main())


def test_a_worker_that_is_stopped_in_a_call_lets_go_of_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with whole_transport(tmp_path) as (front, transport, caller), browser() as peer:
            up = asyncio.Event()

            async def hold() -> None:
                async for connection in transport.connections():
                    async for _ in connection.receive():
                        up.set()

            holding = asyncio.create_task(hold())
            await front.ready()
            await caller.join()
            await call_up(caller, peer)
            await asyncio.wait_for(up.wait(), LIMIT_S)
            holding.cancel()
            await asyncio.wait([holding])
            assert holding.cancelled()
            assert (await caller.receive())["reason"] == "hung_up"

    run(main())


def test_a_fault_of_the_worker_ends_the_call_and_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with whole_transport(tmp_path) as (front, transport, caller), browser() as peer:
            monkeypatch.setattr("voicebot_transport_webrtc.raw_rtp._JITTER_BUFFER", "_no_such_thing")
            connections = transport.connections()
            asking = asyncio.create_task(anext(connections))
            await front.ready()
            await caller.join()
            offer = await peer.offer()
            await caller.send({"type": "request", "id": 1, "method": "offer", "data": {"sdp": offer}})
            ended = await caller.receive()
            assert (ended["type"], ended["reason"]) == ("ended", "failed")
            assert "has no _no_such_thing" in ended["message"]
            with pytest.raises(EngineError, match="has no _no_such_thing"):
                await asking
            await connections.aclose()

    run(main())


def test_calls_end_with_the_front(tmp_path: Path) -> None:
    async def main() -> None:
        async with whole_transport(tmp_path) as (front, transport, caller), browser() as peer:
            connections = transport.connections()
            async with connected(front, connections, caller, peer) as connection:
                stopping = asyncio.create_task(front.stop())
                assert (await caller.receive())["reason"] == "shutdown"
                assert await caller.closed() == 1000
                async with asyncio.timeout(LIMIT_S):
                    async for _ in connection.receive():
                        pass
                await stopping
                with pytest.raises(StopAsyncIteration):
                    await anext(connections)

    run(main())


# --- what is needed for calls to come -------------------------------------------------------------------------------


def test_a_worker_waits_for_its_front_and_then_says_so(tmp_path: Path) -> None:
    async def main() -> float:
        config = WebRtcConfig(socket=tmp_path / "none.sock")
        transport = WebRtcTransport(config, ProviderContext(models=ModelStore(tmp_path)))
        start = now()
        with pytest.raises(EngineError, match=r"No front listens at .*none.sock[^\n]*\n.*voicebot run"):
            await anext(transport.connections())
        return now() - start

    assert 28 < run_virtual(main()) <= 30


def test_a_worker_that_comes_first_is_served_when_the_front_comes(tmp_path: Path) -> None:
    async def main() -> None:
        config = WebRtcConfig(socket=tmp_path / "calls.sock")
        transport = WebRtcTransport(config, ProviderContext(models=ModelStore(tmp_path)))
        connections = transport.connections()
        asking = asyncio.create_task(anext(connections))
        async with running_front(tmp_path) as front:
            await front.ready()
            await stop(asking)
            await connections.aclose()

    run(main())


def test_an_ice_server_that_is_none_is_found_at_warmup(tmp_path: Path) -> None:
    config = WebRtcConfig.model_validate({"ice_servers": [{"urls": "stun:stun.example.org?transport=udp"}]})
    transport = WebRtcTransport(config, ProviderContext(models=ModelStore(tmp_path)))
    with pytest.raises(
        EngineError, match=r"transport.ice_servers: stun:stun.example.org\?transport=udp: malformed"
    ):
        asyncio.run(transport.warmup())
