"""The front over real sockets: pages by WebSocket, call workers by frames."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from tests.plugins.transport_webrtc.support import LIMIT_S, call, goes_on, page, run, running_front, worker

from voicebot.access.settings import AccessLimits, AccessSettings
from voicebot.errors import EngineError
from voicebot.interfaces import ProviderContext
from voicebot.link.frames import encode_control
from voicebot.models import ModelStore
from voicebot_transport_webrtc import WebRtcConfig, WebRtcTransport


def test_a_call_from_join_to_leave(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path, jitter_buffer_target_ms=120) as front, worker(front) as agent:
            assert stat.S_IMODE(front.socket.stat().st_mode) == 0o600
            await front.ready()
            async with page(front) as caller:
                joined = await caller.join()
                assert len(joined.pop("token")) >= 22  # 128 bits in base64
                assert joined == {
                    "type": "joined",
                    "version": 1,
                    "transport": "webrtc",
                    "call_id": caller.call_id,
                    "resumed": False,
                    "ice_servers": [],
                    "jitter_buffer_target_ms": 120,
                    "grace_s": 10.0,
                }
                expected = {"type": "call", "call_id": caller.call_id, "media": {"ice_servers": []}}
                assert await agent.receive() == expected
                assert (await front.get("readyz")) == (503, "every call worker has a call")

                # Two requests, answered the other way round.
                for number in (7, 9):
                    await caller.send(
                        {"type": "request", "id": number, "method": "offer", "data": {"sdp": f"sdp {number}"}}
                    )
                first, second = await agent.receive(), await agent.receive()
                assert (first["method"], first["data"]) == ("offer", {"sdp": "sdp 7"})
                await agent.send("response", id=second["id"], ok=False, code="bad_sdp", message="no")
                await agent.send("response", id=first["id"], ok=True, data={"sdp": "answer"})
                assert await caller.receive() == {
                    "type": "response",
                    "id": 9,
                    "ok": False,
                    "code": "bad_sdp",
                    "message": "no",
                }
                ok = {"type": "response", "id": 7, "ok": True, "data": {"sdp": "answer"}}
                assert await caller.receive() == ok
                await goes_on(caller, agent)
                assert await front.metric("voicebot_calls_active") == 1
                assert await front.metric('voicebot_call_workers{state="on_call"}') == 1

                await caller.send({"type": "leave"})
                assert await caller.receive() == {"type": "ended", "reason": "hung_up", "message": ""}
                assert await caller.closed() == 1000
                assert await agent.receive() == {"type": "end", "reason": "hung_up", "message": ""}
            assert (await front.get("readyz")) == (503, "every call worker has a call")
            # What was on its way when the call ended is passed over.
            await agent.send("event", event={"name": "late"})
            await agent.end()
            await agent.send("idle")
            await front.ready()
            async with page(front) as caller:
                assert (await caller.join())["type"] == "joined"
            assert await front.metric('voicebot_calls_ended_total{reason="hung_up"}') == 1

    run(main())


def test_joins_that_are_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front:
            async with page(front) as caller:
                await caller.send({"type": "join", "version": 1})
                assert await caller.refused() == ("not_ready", 4002)
            async with worker(front, idle=False) as agent:
                await agent.hello()
                assert (await front.get("readyz")) == (503, "the engines are warming up")
                async with page(front) as caller:
                    await caller.send({"type": "join", "version": 1})
                    assert await caller.refused() == ("not_ready", 4002)
            async with call(front) as (first, agent):
                async with page(front) as caller:
                    await caller.send({"type": "join", "version": 1})
                    assert await caller.refused() == ("busy", 4001)
                async with page(front) as caller:
                    # Only a later version knows what else its join says.
                    await caller.send({"type": "join", "version": 2, "new": True})
                    assert await caller.refused() == ("wrong_version", 4003)
                async with page(front) as caller:
                    await caller.send({"type": "join", "version": 1, "resume": "no such token"})
                    assert await caller.refused() == ("unknown_call", 4004)
                async with page(front) as caller:
                    # The test's client answers pings: its call is not taken from it.
                    await caller.send({"type": "join", "version": 1, "resume": first.token})
                    receiving = asyncio.create_task(first.receive())
                    assert await caller.refused() == ("in_use", 4005)
                    await agent.send("event", event={"name": "still"})
                    assert (await receiving)["event"] == {"name": "still"}
                await goes_on(first, agent)
            assert await front.metric('voicebot_signalling_refused_total{code="busy"}') == 1
            assert await front.metric('voicebot_signalling_refused_total{code="not_ready"}') == 2

    run(main())


LONG = "x" * 70_000
BAD = {
    "no JSON": "hello",
    "no object": "[1, 2]",
    "no type": "{}",
    "an unknown type": '{"type": "produce"}',
    "an unknown key": '{"type": "leave", "please": true}',
    "a wrong type": '{"type": "request", "id": "7", "method": "offer", "data": {"sdp": "x"}}',
    "a fraction": '{"type": "request", "id": 1.5, "method": "offer", "data": {"sdp": "x"}}',
    "an unknown method": '{"type": "request", "id": 1, "method": "produce", "data": {}}',
    "no number": '{"type": "heard", "turn_id": 1, "voice_to_voice_ms": NaN}',
    "infinity": '{"type": "heard", "turn_id": 1, "voice_to_voice_ms": 1e999}',
    "a second join": '{"type": "join", "version": 1}',
    "a lone surrogate": '{"type": "leave", "\\ud800": 1}',
    "deep nesting": "[" * 60_000,
    "a huge number": '{"type": "heard", "turn_id": ' + "9" * 5000 + ', "voice_to_voice_ms": 1}',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_bad_message_ends_its_connection_and_no_other_call(tmp_path: Path, text: str) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as other, call(front) as (caller, agent):
            await caller.socket.send_str(text)
            assert await caller.refused() == ("bad_message", 4400)
            await goes_on(*other)
            # The call itself waits for its page.
            async with page(front) as again:
                assert (await again.join(resume=caller.token))["resumed"] is True
                await goes_on(again, agent)

    run(main())


def test_messages_before_join_binary_oversized_and_too_many(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as other:
            async with page(front) as caller:
                await caller.send({"type": "leave"})
                assert await caller.refused() == ("bad_message", 4400)
            async with page(front) as caller:
                await caller.socket.send_bytes(b'{"type": "join", "version": 1}')
                assert await caller.refused() == ("bad_message", 4400)
            async with page(front) as caller:
                await caller.socket.send_str(json.dumps({"type": "join", "version": 1, "resume": LONG}))
                assert await caller.closed() == 1009
            async with call(front) as (caller, agent):
                for _ in range(300):
                    await caller.send({"type": "heard", "turn_id": 1, "voice_to_voice_ms": 1.0})
                assert await caller.refused() == ("too_fast", 4429)
                assert (await agent.receive())["type"] == "heard"
            async with page(front) as caller:
                for _ in range(300):
                    await caller.socket.ping(b"flood")
                assert await caller.refused() == ("too_fast", 4429)
            async with call(front) as (caller, agent):
                for _ in range(2):
                    await caller.send({"type": "request", "id": 1, "method": "offer", "data": {"sdp": "x"}})
                assert await caller.refused() == ("bad_message", 4400)
            await goes_on(*other)
            assert await front.metric('voicebot_signalling_refused_total{code="too_fast"}') == 2
            assert await front.metric('voicebot_signalling_refused_total{code="too_large"}') == 1
            assert await front.metric('voicebot_signalling_refused_total{code="bad_message"}') == 3

    run(main())


def test_only_so_many_pages_wait_for_a_call(tmp_path: Path) -> None:
    access = AccessSettings(limits=AccessLimits(connections=2))

    async def main() -> None:
        async with running_front(tmp_path, access=access) as front, call(front) as other:
            async with page(front), page(front):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    async with page(front):
                        pass
                assert refused.value.status == 503
                await goes_on(*other)
            await front.metric_becomes('voicebot_signalling_refused_total{code="too_many"}', 1)
            # Those that have a call do not count, and those that have gone neither.
            async with worker(front), page(front) as caller:
                await front.ready()
                assert (await caller.join())["type"] == "joined"

    run(main())


def test_what_is_no_http_is_refused_and_fills_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    junk = [
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"\x16\x03\x01" + bytes(40),
        b"GET /\xff " + b"x" * 20_000,
    ]

    async def main() -> None:
        async with running_front(tmp_path) as front:
            url = urlsplit(front.url)
            for data in junk:
                reader, writer = await asyncio.open_connection(url.hostname, url.port)
                writer.write(data + b"\r\n\r\n")
                assert b" 400 " in await asyncio.wait_for(reader.readline(), LIMIT_S)
                writer.close()
                await writer.wait_closed()
            assert (await front.get("healthz"))[0] == 200

    run(main())
    assert caplog.records == []


def test_an_offer_that_no_frame_holds_is_refused_and_the_call_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as (caller, agent):
            # Short enough as UTF-8, too long once it is escaped.
            text = json.dumps(
                {"type": "request", "id": 1, "method": "offer", "data": {"sdp": "é" * 30_000}},
                ensure_ascii=False,
            )
            await caller.socket.send_str(text)
            answer = await caller.receive()
            assert (answer["id"], answer["ok"], answer["code"]) == (1, False, "bad_sdp")
            await goes_on(caller, agent)

    run(main())


def test_only_so_many_requests_wait(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as (caller, agent):
            for number in range(9):
                await caller.send({"type": "request", "id": number, "method": "offer", "data": {"sdp": "x"}})
            answer = await caller.receive()
            assert (answer["id"], answer["ok"], answer["code"]) == (8, False, "busy")
            assert [(await agent.receive())["method"] for _ in range(8)] == ["offer"] * 8

    run(main())


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("own", 101),
        ("https://shop.example", 101),
        ("https://SHOP.example", 101),
        ("http://shop.example", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_origins(tmp_path: Path, origin: str | None, status: int) -> None:
    async def main() -> None:
        async with running_front(tmp_path, allowed_origins=["https://shop.example"]) as front:
            headers = (
                {} if origin is None else {"Origin": front.url.rstrip("/") if origin == "own" else origin}
            )
            try:
                async with page(front, headers=headers) as caller:
                    await caller.send({"type": "join", "version": 1})
                    assert await caller.refused() == ("not_ready", 4002)
                    result = 101
            except aiohttp.WSServerHandshakeError as error:
                result = error.status
            assert result == status
            assert await front.metric('voicebot_signalling_refused_total{code="bad_origin"}') == (
                status == 403
            )

    run(main())


def test_a_broken_connection_is_taken_up_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as other, call(front) as (caller, agent):
            await caller.send({"type": "request", "id": 0, "method": "offer", "data": {"sdp": "x"}})
            request = await agent.receive()
            await caller.socket.close()
            async with page(front) as again:
                joined = await again.join(resume=caller.token)
                assert (joined["resumed"], joined["call_id"]) == (True, caller.call_id)
                assert again.token == caller.token
                # The answer to the old connection's request is no one's now.
                await agent.send("response", id=request["id"], ok=True, data={"sdp": "y"})
                await again.send({"type": "request", "id": 0, "method": "offer", "data": {"sdp": "z"}})
                request = await agent.receive()
                await agent.send("response", id=request["id"], ok=True, data={"sdp": "answer"})
                assert (await again.receive())["data"] == {"sdp": "answer"}
                await goes_on(again, agent)
            await goes_on(*other)
            assert await front.metric("voicebot_calls_resumed_total") == 1

    run(main())


def test_grace_passes(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path, grace_s=0) as front, call(front) as other:
            async with call(front) as (caller, agent):
                await caller.socket.close()
                assert await agent.receive() == {
                    "type": "end",
                    "reason": "timeout",
                    "message": "the page did not come back",
                }
                async with page(front) as again:
                    await again.send({"type": "join", "version": 1, "resume": caller.token})
                    assert await again.refused() == ("unknown_call", 4004)
            await goes_on(*other)
            assert await front.metric('voicebot_calls_ended_total{reason="timeout"}') == 1

    run(main())


def test_a_dead_connection_loses_its_call_to_the_one_that_resumes(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, worker(front) as agent:
            await front.ready()
            # This client does not answer pings, as if its network were gone.
            async with page(front, autoping=False) as caller:
                await caller.join()
                assert (await agent.receive())["type"] == "call"
                async with page(front) as again:
                    assert (await again.join(resume=caller.token))["resumed"] is True
                    await goes_on(again, agent)
                assert await caller.closed() in (1001, 1006)  # it may be gone before it has answered

    run(main())


def test_the_worker_ends_the_call(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front:
            for reason, message in (("hung_up", ""), ("failed", "the llm failed")):
                async with call(front) as (caller, agent):
                    await agent.send("end", reason=reason, message=message)
                    assert await caller.receive() == {"type": "ended", "reason": reason, "message": message}
                    assert await caller.closed() == 1000
                    assert await agent.receive() == {"type": "end", "reason": reason, "message": message}
                    await agent.send("idle")
                    await front.ready()
                    await agent.send("bye")
                    await agent.closed()

    run(main())


def test_a_worker_that_dies_takes_its_call_and_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as other:
            async with call(front) as (caller, agent):
                agent.kill()
                ended = await caller.receive()
                assert (ended["type"], ended["reason"]) == ("ended", "agent_lost")
                assert await caller.closed() == 1000
            await goes_on(*other)
            await front.metric_becomes('voicebot_call_workers{state="on_call"}', 1)

    run(main())


GARBAGE: dict[str, bytes] = {
    "an empty frame": b"\0\0\0\0",
    "a frame too long": b"\xff\xff\xff\xff\x01",
    "an unknown kind": b"\0\0\0\x02\x09x",
    "no JSON": b"\0\0\0\x03\x01{]",
    "an unknown message": encode_control({"type": "produce"}),
    "a second hello": encode_control({"type": "hello", "version": 1, "transport": "webrtc", "pid": 1}),
    "idle in a call": encode_control({"type": "idle"}),
    "bye in a call": encode_control({"type": "bye"}),
    "an answer to nothing": encode_control({"type": "response", "id": 5, "ok": True, "data": {}}),
    "a wrong key": encode_control({"type": "event", "event": {}, "more": 1}),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_worker_that_sends_garbage_is_told_and_dropped(tmp_path: Path, garbage: bytes) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as other:
            async with call(front) as (caller, agent):
                agent.writer.write(garbage)
                error = await agent.receive()
                assert (error["type"], error["code"]) == ("error", "bad_message")
                assert error["message"]
                await agent.closed()
                assert (await caller.receive())["reason"] == "agent_lost"
            await goes_on(*other)
            assert await front.metric('voicebot_link_refused_total{code="bad_message"}') == 1

    run(main())


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        ({"version": 2, "transport": "webrtc", "pid": 1}, "wrong_version"),
        ({"version": 1, "transport": "mediasoup", "pid": 1}, "wrong_transport"),
        ({"version": 1, "transport": "webrtc", "pid": 0}, "bad_message"),
    ],
)
def test_hellos_that_are_refused(tmp_path: Path, hello: dict[str, Any], code: str) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, worker(front, idle=False) as agent:
            await agent.send("hello", **hello)
            error = await agent.receive()
            assert (error["type"], error["code"]) == ("error", code)
            await agent.closed()

    run(main())


def test_an_event_without_a_json_form_is_left_out(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as (caller, agent):
            payload = b'{"type": "event", "event": {"at_s": 1e999}}'
            agent.writer.write((len(payload) + 1).to_bytes(4, "big") + b"\x01" + payload)
            await goes_on(caller, agent)

    run(main())


def test_the_end_of_the_server_is_told_to_everyone(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            running_front(tmp_path) as front,
            call(front) as (caller, agent),
            worker(front) as idler,
            page(front) as visitor,
        ):
            stopping = asyncio.create_task(front.stop())
            ended = await caller.receive()
            assert (ended["type"], ended["reason"]) == ("ended", "shutdown")
            assert await caller.closed() == 1000
            assert await visitor.closed() == 1001
            assert (await agent.receive())["reason"] == "shutdown"
            await agent.closed()
            await idler.closed()
            await stopping
            assert not front.socket.exists()
            with pytest.raises(aiohttp.ClientConnectorError):
                await front.get("healthz")

    run(main())


def test_a_page_that_does_not_read_holds_up_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as other, call(front) as (caller, agent):
            # Nobody receives from this socket: its buffers fill, then ours.
            for _ in range(1000):
                await agent.send("event", event={"name": "x", "text": "y" * 60_000})
                if "does not read" in caplog.text:
                    break
            assert caplog.text.count("a page does not read what it is sent: its connection is closed") == 1
            await goes_on(*other)
            async with page(front) as again:
                assert (await again.join(resume=caller.token))["resumed"] is True

    run(main())


def test_a_worker_that_does_not_read_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot_transport_webrtc.front.serve.FAREWELL_S", 0.1)

    async def main() -> None:
        async with running_front(tmp_path) as front, call(front) as (caller, agent):
            agent.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for number in range(8):
                data = {"sdp": "x" * 60_000}
                await caller.send({"type": "request", "id": number, "method": "offer", "data": data})
            await agent.send("event", event={"name": "all came"})
            await caller.receive()
            stopping = asyncio.create_task(front.stop())
            assert (await caller.receive())["reason"] == "shutdown"
            await caller.closed()
            await asyncio.wait_for(stopping, LIMIT_S)

    run(main())


# --- what is needed to listen ---------------------------------------------------------------------------------------


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        async with running_front(tmp_path / "a") as front:
            port = int(front.url.rstrip("/").rpartition(":")[2])
            with pytest.raises(
                EngineError, match=rf"cannot be served at 127.0.0.1:{port}.*\n.*transport.port"
            ):
                async with running_front(tmp_path / "b", port=port):
                    pass

    run(main())


def test_a_live_socket_is_left_alone_and_a_stale_one_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front:
            with pytest.raises(EngineError, match=r"already listens at .*calls.sock"):
                async with running_front(tmp_path):
                    pass
            async with worker(front):  # the first one still has its socket
                await front.ready()

    # A killed server leaves its file behind.
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "calls.sock"))
    run(main())


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(EngineError, match="it is not a socket"):
            async with running_front(tmp_path):
                pass

    (tmp_path / "calls.sock").write_text("mine")
    run(main())
    assert (tmp_path / "calls.sock").read_text() == "mine"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "file").touch()
        with pytest.raises(EngineError, match="cannot be made"):
            async with running_front(tmp_path, socket=tmp_path / "file" / "calls.sock"):
                pass

    run(main())


def test_the_front_of_the_provider(tmp_path: Path) -> None:
    async def main() -> None:
        config = WebRtcConfig(port=0, socket=Path("calls.sock"))
        context = ProviderContext(models=ModelStore(tmp_path), base_dir=tmp_path)
        front = WebRtcTransport(config, context).front()
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(front.serve(address.set_result))
        async with aiohttp.ClientSession() as session, session.get((await address) + "healthz") as response:
            assert (response.status, await response.text()) == (200, "ok")
        assert (tmp_path / "calls.sock").is_socket()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    run(main())
    assert list(tmp_path.iterdir()) == []
