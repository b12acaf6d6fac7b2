"""The transport as a call worker uses it, against a front that is played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.core.link.front import MEDIA, SAFETY_S, Front, Peer
from tests.core.rtp.streams import packets_of, speech

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot.events import CallEnded, ProviderFailed, StateChanged
from voicebot.interfaces import HeardReport
from voicebot.link.frames import ControlFrame, RtpFrame
from voicebot.rtp.connection import RtpConnection
from voicebot.rtp.opus import OpusDecoder
from voicebot.rtp.packet import RtpPacket
from voicebot.testing import context, run_virtual, tone
from voicebot_transport_mediasoup import MediasoupConfig, MediasoupTransport

Connections = AsyncGenerator[RtpConnection, None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sfu.sock"


def transport(path: Path, **sfu: Any) -> MediasoupTransport:
    return MediasoupTransport(MediasoupConfig.model_validate({"socket": path, "sfu": sfu}), context())


def with_front(path: Path, body: Callable[[Front, Connections], Awaitable[None]]) -> None:
    async def main() -> None:
        provider = transport(path)
        async with asyncio.timeout(SAFETY_S), Front(path) as front, aclosing(provider.connections()) as calls:
            await body(front, calls)
        await provider.aclose()
        await provider.aclose()

    run_virtual(main())


def asked(calls: Connections) -> asyncio.Task[RtpConnection]:
    async def ask() -> RtpConnection:
        return await anext(calls)

    return asyncio.create_task(ask())


async def said(peer: Peer) -> Mapping[str, Any]:
    """The next control message; the agent's packets come all the time."""
    while isinstance(frame := await peer.frame(), RtpFrame):
        pass
    assert isinstance(frame, ControlFrame)
    return frame.message


def test_a_call(path: Path) -> None:
    async def body(front: Front, calls: Connections) -> None:
        waiting = asked(calls)
        peer = await front.accept()
        await peer.greet()
        await peer.give_call()
        packets = [packet.serialize() for packet in packets_of(speech())[:40]]
        # The call begins when the page can hear; what the agent says before would be lost.
        peer.rtp(packets[0])
        await asyncio.wait([waiting], timeout=0.5)
        assert not waiting.done()
        peer.say(type="media", state="connected")
        connection = await waiting

        # From the user to the session.
        for packet in packets[1:]:
            peer.rtp(packet)
        peer.rtp(b"no RTP at all")
        peer.say(type="heard", turn_id=1, voice_to_voice_ms=640.0)
        incoming = aiter(connection.receive())
        received = [await anext(incoming) for _ in range(41)]
        audio = np.concatenate([item.samples for item in received if isinstance(item, AudioChunk)])
        assert len(audio) == 40 * 320
        assert np.abs(audio).max() > 3_000
        assert HeardReport(1, 640.0) in received
        assert connection.broken_packets == 1

        # From the session to the user.
        await connection.send(AudioChunk(tone(0.02, 48_000), 48_000))
        decoder, loudest = OpusDecoder(), 0
        while loudest < 1_000:
            frame = await peer.frame()
            assert isinstance(frame, RtpFrame)
            sent = RtpPacket.parse(frame.payload)
            assert (sent.payload_type, sent.ssrc) == (MEDIA["payload_type"], MEDIA["ssrc"])
            loudest = max(loudest, int(np.abs(decoder.decode(sent.payload)).max()))
        connection.notify(StateChanged(1.5, "listening"))
        assert (await said(peer))["event"] == {"name": "state_changed", "at_s": 1.5, "state": "listening"}

        # The user goes, and the next one comes.
        peer.say(type="end", reason="hung_up", message="")
        async for _ in incoming:
            pass
        await connection.aclose()
        again = asked(calls)
        assert (await said(peer))["type"] == "end"
        await peer.give_call("c2")
        # This one ends before it has begun: it is never seen.
        peer.say(type="end", reason="timeout", message="")
        assert (await peer.control())["type"] == "end"
        await peer.give_call("c3")
        peer.rtp(packets[0])
        peer.say(type="media", state="connected")
        second = await again
        assert second is not connection
        peer.close()
        assert len([item async for item in second.receive()]) == 1

    with_front(path, body)


@pytest.mark.parametrize("failed", [True, False])
def test_why_the_call_is_over(path: Path, failed: bool) -> None:
    async def body(front: Front, calls: Connections) -> None:
        waiting = asked(calls)
        peer = await front.accept()
        await peer.greet()
        await peer.give_call()
        peer.say(type="media", state="connected")
        connection = await waiting
        connection.notify(ProviderFailed(1.0, "stt", "ears", "dist", "they fell off", 1))
        connection.notify(CallEnded(1.5, "failed" if failed else "hung_up"))
        await connection.aclose()
        assert [(await peer.control())["event"]["name"] for _ in range(2)] == [
            "provider_failed",
            "call_ended",
        ]
        ended = {"reason": "failed", "message": "stt ears: they fell off"}
        assert await peer.control() == {
            "type": "end",
            **(ended if failed else {"reason": "hung_up", "message": ""}),
        }
        peer.close()

    with_front(path, body)


def test_leaving_while_a_call_runs(path: Path) -> None:
    async def body(front: Front, calls: Connections) -> None:
        waiting = asked(calls)
        peer = await front.accept()
        await peer.greet()
        await peer.give_call()
        peer.say(type="media", state="connected")
        connection = await waiting
        closing = asyncio.create_task(calls.aclose())
        assert (await said(peer))["type"] == "end"
        peer.say(type="end", reason="hung_up", message="")
        assert await said(peer) == {"type": "bye"}
        await closing
        assert [item async for item in connection.receive()] == []

    with_front(path, body)


def test_the_sfu_is_started_again(path: Path) -> None:
    async def main() -> None:
        async with asyncio.timeout(SAFETY_S), aclosing(transport(path).connections()) as calls:
            waiting = asked(calls)
            # Not there yet; then there, and gone; then one that breaks off; then a good one.
            await asyncio.sleep(0.5)
            async with Front(path) as front:
                peer = await front.accept()
                await peer.greet()
                assert await peer.control() == {"type": "idle"}
            async with Front(path) as front:
                (await front.accept()).raw(b"\xff" * 10)
                peer = await front.accept()
                await peer.greet()
                await peer.give_call("later")
                peer.say(type="media", state="connected")
                await waiting
                peer.close()

    run_virtual(main())


def test_no_sfu(path: Path) -> None:
    async def main() -> None:
        async with aclosing(transport(path, connect_timeout_s=5.0).connections()) as calls:
            with pytest.raises(EngineError, match=r"No front listens at .*sfu\.sock") as error:
                await anext(calls)
        assert "voicebot run" in error.value.hint
        assert 3.0 < asyncio.get_running_loop().time() <= 5.0

    run_virtual(main())


@pytest.mark.parametrize("code", ["wrong_version", "wrong_transport"])
def test_another_kind_of_front_is_not_asked_again(path: Path, code: str) -> None:
    async def body(front: Front, calls: Connections) -> None:
        waiting = asked(calls)
        (await front.accept()).say(type="error", code=code, message="not with me")
        with pytest.raises(EngineError, match="not with me"):
            await waiting

    with_front(path, body)


def test_whose_front_it_is(path: Path) -> None:
    assert transport(path).front() is not None
    assert transport(path, start=False).front() is None
    assert list(MediasoupTransport.required_models(MediasoupConfig())) == []
