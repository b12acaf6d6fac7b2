"""The worker's end of the link against a front that keeps to the protocol, and ones that do not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.core.link.front import MEDIA, SAFETY_S, Front, Peer

from voicebot.interfaces import HeardReport
from voicebot.link import LinkedCall, LinkError, Request, WorkerLink
from voicebot.link import worker as worker_module
from voicebot.link.call import INCOMING_PACKETS
from voicebot.link.frames import ControlFrame, RtpFrame, encode_control
from voicebot.testing import run_virtual

Body = Callable[[WorkerLink, Peer], Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "link.sock"


def linked(path: Path, body: Body) -> None:
    """Run `body` with a greeted worker and its peer; both are closed after it."""

    async def main() -> None:
        async with asyncio.timeout(SAFETY_S), Front(path) as front:
            connecting = asyncio.create_task(WorkerLink.connect(path, "mediasoup"))
            peer = await front.accept()
            await peer.greet()
            link = await connecting
            try:
                await body(link, peer)
            finally:
                peer.close()
                await link.aclose()
                await link.aclose()

    run_virtual(main())


def in_call(path: Path, body: Callable[[WorkerLink, Peer, LinkedCall], Awaitable[None]]) -> None:
    async def with_call(link: WorkerLink, peer: Peer) -> None:
        waiting = asyncio.create_task(link.next_call())
        await peer.give_call()
        call = await waiting
        assert call is not None
        await body(link, peer, call)

    linked(path, with_call)


async def items(call: LinkedCall) -> list[Any]:
    return [item async for item in call]


# --- greeting -------------------------------------------------------------------------------------------------------


def refused(path: Path, answer: bytes, *, close: bool = False) -> LinkError:
    """What `connect` raises where the front answers the hello like this."""

    async def main() -> LinkError:
        async with asyncio.timeout(SAFETY_S), Front(path) as front:
            connecting = asyncio.create_task(WorkerLink.connect(path, "mediasoup"))
            peer = await front.accept()
            hello = await peer.control()
            assert (hello["version"], hello["transport"]) == (1, "mediasoup")
            peer.raw(answer)
            if close:
                peer.close()
            with pytest.raises(LinkError) as error:
                await connecting
            return error.value

    return run_virtual(main())


def test_another_version_is_refused(path: Path) -> None:
    error = refused(path, encode_control({"type": "welcome", "version": 2}))
    assert (error.code, "version 2" in error.message) == ("wrong_version", True)


def test_the_fronts_reason_is_passed_on(path: Path) -> None:
    said = {"type": "error", "code": "wrong_transport", "message": "only webrtc here"}
    error = refused(path, encode_control(said))
    assert (error.code, "only webrtc here" in error.message) == ("wrong_transport", True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\x00\x00\x00",
        encode_control({"type": "call", "call_id": "c", "media": MEDIA}),
        encode_control({"type": "welcome", "version": 1, "more": True}),
    ],
)
def test_what_is_no_welcome(path: Path, answer: bytes) -> None:
    assert refused(path, answer).code == "bad_message"


def test_closing_in_place_of_a_welcome(path: Path) -> None:
    assert refused(path, b"", close=True).code == "closed"


def test_a_front_that_does_not_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "ANSWER_S", 0.05)
    error = refused(path, b"")
    assert (error.code, "did not answer" in error.message) == ("closed", True)


@pytest.mark.parametrize("name", ["nobody.sock", "folder/nobody.sock", "x" * 200])
def test_nobody_listens(tmp_path: Path, name: str) -> None:
    with pytest.raises(LinkError) as error:
        asyncio.run(WorkerLink.connect(tmp_path / name, "mediasoup"))
    assert error.value.code == "unreachable"


def test_a_stale_socket(tmp_path: Path) -> None:
    async def main() -> None:
        server = await asyncio.start_unix_server(lambda *_: None, str(tmp_path / "s"))
        server.close()
        await server.wait_closed()
        with pytest.raises(LinkError, match="refused") as error:
            await WorkerLink.connect(tmp_path / "s", "mediasoup")
        assert error.value.code == "unreachable"

    asyncio.run(main())


# --- calls ----------------------------------------------------------------------------------------------------------


def test_a_call_both_ways(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        assert (call.call_id, call.media, call.ended_reason) == ("c1", MEDIA, None)
        call.send_rtp(b"agent")
        call.send_event({"name": "state_changed", "none": None})
        assert await peer.frame() == RtpFrame(b"agent")
        assert await peer.control() == {"type": "event", "event": {"name": "state_changed", "none": None}}
        peer.rtp(b"user")
        peer.say(type="heard", turn_id=2, voice_to_voice_ms=812.5)
        incoming = aiter(call)
        received = [await anext(incoming), await anext(incoming)]
        assert RtpFrame(b"user") in received
        assert HeardReport(2, 812.5) in received
        peer.say(type="end", reason="timeout", message="")
        assert [item async for item in incoming] == []
        assert call.ended_reason == "timeout"
        assert await peer.control() == {"type": "end", "reason": "hung_up", "message": ""}
        call.end("failed")
        call.send_rtp(b"late")
        call.send_event({"name": "late"})
        again = asyncio.create_task(link.next_call())
        await peer.give_call("c2")
        second = await again
        assert second is not None
        assert (second.call_id, second.ended_reason) == ("c2", None)

    in_call(path, body)


def test_the_worker_ends_it(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        call.end("failed", "the tts plugin")
        call.end("hung_up")
        assert call.ended_reason == "failed"
        assert await items(call) == []
        assert await peer.control() == {"type": "end", "reason": "failed", "message": "the tts plugin"}
        waiting = asyncio.create_task(link.next_call())
        # What the front said before it heard of the end is of no use, and no fault.
        peer.rtp(b"late")
        peer.say(type="heard", turn_id=1, voice_to_voice_ms=1)
        peer.say(type="end", reason="failed", message="")
        await peer.give_call("c2")
        second = await waiting
        assert second is not None
        assert second.call_id == "c2"
        assert link.statistics.rtp_outside_call == 1

    in_call(path, body)


@pytest.mark.parametrize("character", ["x", "é", "\N{GRINNING FACE}", "\ud83d"])
def test_the_longest_reason_still_fits_a_frame(path: Path, character: str) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        call.end("failed", character * 100_000)
        said = await peer.control()
        assert (said["type"], said["message"]) == ("end", character * 5000)

    in_call(path, body)


def test_both_end_it_at_once(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        peer.say(type="end", reason="hung_up", message="")
        call.end("hung_up")
        assert (await peer.control())["type"] == "end"
        waiting = asyncio.create_task(link.next_call())
        # The next is `idle`: one `end` from each side is all.
        await peer.give_call("c2")
        assert await waiting is not None

    in_call(path, body)


def test_asking_for_the_next_call_ends_this_one(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        waiting = asyncio.create_task(link.next_call())
        assert (await peer.control())["type"] == "end"
        assert call.ended_reason == "hung_up"
        peer.say(type="end", reason="hung_up", message="")
        await peer.give_call("c2")
        assert await waiting is not None

    in_call(path, body)


def test_a_front_that_does_not_answer_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "ANSWER_S", 0.05)

    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        call.end()
        with pytest.raises(LinkError, match="did not answer `end`"):
            await link.next_call()

    in_call(path, body)


def test_the_connection_closes_in_a_call(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        peer.rtp(b"last")
        peer.close()
        assert await items(call) == [RtpFrame(b"last")]
        assert call.ended_reason == "link_lost"
        assert await link.next_call() is None
        assert await link.next_call() is None

    in_call(path, body)


def test_closing_while_it_waits(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer) -> None:
        waiting = asyncio.create_task(link.next_call())
        assert await peer.control() == {"type": "idle"}
        peer.close()
        assert await waiting is None

    linked(path, body)


def test_asking_is_cancelled_and_asked_again(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer) -> None:
        waiting = asyncio.create_task(link.next_call())
        assert await peer.control() == {"type": "idle"}
        waiting.cancel()
        await asyncio.wait([waiting])
        peer.say(type="call", call_id="c1", media=MEDIA)
        call = await link.next_call()
        assert call is not None
        assert call.ended_reason is None

    linked(path, body)


def test_leaving_in_a_call_says_end_and_bye(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        leaving = asyncio.create_task(link.aclose())
        assert (await peer.control())["type"] == "end"
        peer.say(type="end", reason="hung_up", message="")
        assert await peer.control() == {"type": "bye"}
        assert await peer.frame() is None
        await leaving
        assert call.ended_reason == "hung_up"

    in_call(path, body)


# --- requests of the page -------------------------------------------------------------------------------------------


def test_requests(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        incoming = aiter(call)
        peer.say(type="request", id=1, method="offer", data={"sdp": "v=0"})
        peer.say(type="request", id=2, method="dance", data={})
        first, second = await anext(incoming), await anext(incoming)
        assert isinstance(first, Request)
        assert isinstance(second, Request)
        assert (first.method, first.data, second.method) == ("offer", {"sdp": "v=0"}, "dance")
        second.refuse("unknown_method", "no")
        first.respond({"sdp": "answer"})
        call.media_connected()
        refusal = {"type": "response", "id": 2, "ok": False, "code": "unknown_method", "message": "no"}
        assert await peer.control() == refusal
        assert await peer.control() == {"type": "response", "id": 1, "ok": True, "data": {"sdp": "answer"}}
        assert await peer.control() == {"type": "media", "state": "connected"}
        call.end()
        first.respond({})
        assert (await peer.control())["type"] == "end"
        peer.say(type="end", reason="hung_up", message="")
        await link.aclose()
        assert await peer.control() == {"type": "bye"}

    in_call(path, body)


def test_an_event_without_a_json_form_is_counted(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        call.send_event({"name": "x", "value": float("nan")})
        call.send_event({"name": "x", "value": "x" * 70_000})
        call.send_event({"name": "good"})
        assert (await peer.control())["event"] == {"name": "good"}
        assert link.statistics.events_refused == 2

    in_call(path, body)


# --- what no front would do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 10,
        encode_control({"type": "call", "call_id": "c9", "media": MEDIA}),
        encode_control({"type": "welcome", "version": 1}),
        encode_control({"type": "idle"}),
        encode_control({"type": "heard", "turn_id": "one", "voice_to_voice_ms": 1}),
    ],
)
def test_a_mistake_in_a_call_ends_the_connection(path: Path, said: bytes) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        peer.raw(said)
        assert await items(call) == []
        assert call.ended_reason == "link_lost"
        error = await peer.control()
        assert (error["type"], error["code"]) == ("error", "bad_message")
        assert await peer.frame() is None
        with pytest.raises(LinkError):
            await link.next_call()

    in_call(path, body)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "end", "reason": "hung_up", "message": ""},
        {"type": "heard", "turn_id": 1, "voice_to_voice_ms": 1},
        {"type": "call", "call_id": "c", "media": {"ice_servers": []}},
    ],
)
def test_out_of_order_without_a_call(path: Path, message: dict[str, Any]) -> None:
    async def body(link: WorkerLink, peer: Peer) -> None:
        waiting = asyncio.create_task(link.next_call())
        assert await peer.control() == {"type": "idle"}
        peer.say(**message)
        with pytest.raises(LinkError) as error:
            await waiting
        assert error.value.code == "bad_message"

    linked(path, body)


def test_rtp_without_a_call_is_counted(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer) -> None:
        peer.rtp(b"stray")
        waiting = asyncio.create_task(link.next_call())
        await peer.give_call()
        assert await waiting is not None
        assert (link.statistics.rtp_outside_call, link.statistics.rtp_received) == (1, 0)

    linked(path, body)


# --- what nobody takes ----------------------------------------------------------------------------------------------


def test_rtp_that_nobody_takes_is_bounded(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        count = INCOMING_PACKETS + 30
        for number in range(count):
            peer.rtp(b"%d" % number)
        peer.say(type="heard", turn_id=1, voice_to_voice_ms=1)
        peer.say(type="end", reason="hung_up", message="")
        assert (await peer.control())["type"] == "end"
        received = await items(call)
        assert received[0] == HeardReport(1, 1)
        assert received[1:] == [RtpFrame(b"%d" % number) for number in range(30, count)]
        assert (link.statistics.rtp_received, link.statistics.rtp_not_taken) == (count, 30)

    in_call(path, body)


def test_control_that_nobody_takes_ends_the_connection(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        for number in range(40):
            peer.say(type="request", id=number, method="offer", data={"sdp": "x" * 50_000})
        assert (await peer.control())["code"] == "bad_message"
        assert call.ended_reason == "link_lost"
        assert 10 < len(await items(call)) < 22

    in_call(path, body)


def test_a_slow_front_loses_rtp_and_no_control(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        packet = bytes(1000)
        sent = 0
        while link.statistics.rtp_not_sent == 0:
            call.send_rtp(packet)
            sent += 1
        call.send_event({"name": "after"})
        received = 0
        while isinstance(frame := await peer.frame(), RtpFrame):
            received += 1
        assert isinstance(frame, ControlFrame)
        assert frame.message["event"] == {"name": "after"}
        assert received == sent - 1 == link.statistics.rtp_sent
        call.send_rtp(b"again")
        assert await peer.frame() == RtpFrame(b"again")

    in_call(path, body)


def test_a_front_that_does_not_read_loses_the_worker(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        for _ in range(100):
            call.send_event({"name": "x" * 60_000})
        assert await items(call) == []
        assert call.ended_reason == "link_lost"
        with pytest.raises(LinkError, match="does not read"):
            await link.next_call()

    in_call(path, body)


def test_a_mistake_of_a_front_that_does_not_read(path: Path) -> None:
    async def body(link: WorkerLink, peer: Peer, call: LinkedCall) -> None:
        while link.statistics.rtp_not_sent == 0:
            call.send_rtp(bytes(1000))
        peer.raw(b"\xff" * 10)
        assert await items(call) == []
        with pytest.raises(LinkError, match="bytes"):
            await link.next_call()

    in_call(path, body)
