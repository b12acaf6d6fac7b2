"""The fakes' own server: HTTP, faults, hang-ups, on real sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import get_args

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.certificate import self_signed

from voicebot.testing.fakes.faults import (
    HUGE_BYTES,
    Fault,
    FaultKind,
    damaged,
    needs_answer,
    read_fault,
    take,
)
from voicebot.testing.fakes.http import FakeServer, Request, Response, json_response

TEXT = "Grüße 🙂 an alle."


async def echo(request: Request) -> Response:
    return json_response(
        {"path": request.path, "query": request.query, "body": request.body.decode(), "text": TEXT}
    )


async def stream(request: Request) -> Response:
    async def events() -> AsyncIterator[bytes]:
        for word in TEXT.split():
            yield f"data: {json.dumps({'text': word})}\n\n".encode()
        yield b"data: [DONE]\n\n"

    return Response(200, {"Content-Type": "text/event-stream"}, events())


def run(
    use: Callable[[httpx.AsyncClient, FakeServer], Awaitable[None]],
    handler: Callable[[Request], Awaitable[Response]] = echo,
) -> None:
    async def main() -> None:
        async with (
            FakeServer(handler) as server,
            httpx.AsyncClient(base_url=server.url, timeout=20) as client,
        ):
            async with asyncio.timeout(60):
                await use(client, server)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_requests_come_whole_and_share_a_connection() -> None:
    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        for body in (b"", b"x" * 300_000):
            response = await client.post("/a%20b", params={"q": "ü", "empty": ""}, content=body)
            assert response.json() == {
                "path": "/a b",
                "query": {"q": "ü", "empty": ""},
                "body": body.decode(),
                "text": TEXT,
            }
        assert (await client.head("/")).content == b""
        assert (await client.get("/again")).status_code == 200
        assert server.connections == 1
        assert [request.method for request in server.requests] == ["POST", "POST", "HEAD", "GET"]
        assert server.requests[0].headers["host"] in server.url
        assert server.hung_up == []

    run(use)


def test_a_stream_comes_as_it_is_made() -> None:
    may_go_on = asyncio.Event()

    async def handler(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            await may_go_on.wait()
            yield b"two"

        return Response(200, {}, pieces())

    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        async with client.stream("GET", "/") as response:
            chunks = response.aiter_bytes()
            assert await anext(chunks) == b"one"
            may_go_on.set()
            assert await anext(chunks) == b"two"

    run(use, handler)


def test_a_client_that_hangs_up_is_noticed_and_the_stream_is_closed() -> None:
    closed = asyncio.Event()

    async def handler(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"more"
                    await asyncio.sleep(0.001)
            finally:
                closed.set()

        return Response(200, {}, pieces())

    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        before = asyncio.get_running_loop().time()
        for count in (1, 2):
            async with client.stream("GET", "/") as response:
                await anext(response.aiter_bytes())
                assert len(server.hung_up) == count - 1
            await server.wait_hung_up(count)
        await closed.wait()
        assert before <= server.hung_up[0] <= server.hung_up[1] <= asyncio.get_running_loop().time()

    run(use, handler)


def test_a_client_that_gives_up_before_the_answer_begins_has_hung_up() -> None:
    async def handler(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/", timeout=0.01)
        await server.wait_hung_up()

    run(use, handler)


def test_leaving_ends_what_is_going_on() -> None:
    async def main() -> None:
        async with FakeServer(echo) as server, httpx.AsyncClient(base_url=server.url) as client:
            server.faults.append(Fault("stall_before"))
            task = asyncio.create_task(client.get("/"))
            while not server.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await server.__aexit__(None, None, None)
            with pytest.raises(httpx.RemoteProtocolError):
                await task
            assert server.hung_up == []

    asyncio.run(main())


def test_a_failure_of_the_fake_fails_the_test() -> None:
    async def handler(request: Request) -> Response:
        raise LookupError("no such thing")

    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        assert (await client.get("/")).status_code == 500

    with pytest.raises(LookupError, match="no such thing"):
        run(use, handler)


def test_what_is_no_http_is_hung_up_on() -> None:
    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert server.requests == []

    run(use)


# --- faults ---


def test_every_fault_does_what_it_says() -> None:
    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        async def get(fault: Fault) -> httpx.Response:
            server.faults.append(fault)
            return await client.get("/x")

        whole = (await client.get("/x")).content
        refused = await get(Fault("status", status=429, retry_after="2"))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert (await get(Fault("truncate"))).content == whole[: len(whole) // 3]
        assert (await get(Fault("drip"))).content == whole
        assert (await get(Fault("empty"))).content == b""
        assert b"<html" in (await get(Fault("html"))).content
        assert len((await get(Fault("huge"))).json()["padding"]) == HUGE_BYTES
        with pytest.raises(ValueError):
            (await get(Fault("invalid_json"))).json()
        for kind in ("close_midway", "reset"):
            with pytest.raises(httpx.RemoteProtocolError if kind == "close_midway" else httpx.ReadError):
                await get(Fault(kind))
        assert server.hung_up == []
        for count, kind in enumerate(("stall_before", "stall_midway"), 1):
            server.faults.append(Fault(kind))  # type: ignore[arg-type]
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/x", timeout=0.02)
            await server.wait_hung_up(count)
        assert (await client.get("/x")).content == whole

    run(use)


def test_faults_of_a_stream() -> None:
    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        whole = (await client.get("/")).content
        server.faults.append(Fault("drip"))
        async with client.stream("GET", "/") as response:
            assert [chunk async for chunk in response.aiter_raw()] == [bytes([byte]) for byte in whole]
        server.faults.append(Fault("truncate"))
        assert (await client.get("/")).content == whole[: len(whole) // 3]
        server.faults.append(Fault("invalid_json"))
        broken = (await client.get("/")).content
        events = [event.removeprefix(b"data: ") for event in broken.split(b"\n\n") if event]
        good = [json.loads(event) for event in events if event.endswith(b"}")]
        assert len(good) == len(events) - 2  # the broken one, and [DONE]
        server.faults.append(Fault("close_midway"))
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/")

    run(use, stream)


def test_faults_are_for_paths_and_so_many_times() -> None:
    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        server.faults += [Fault("status", "/v1/", times=2, status=503), Fault("status", "/v1/", status=401)]
        paths = ("/other", "/v1/a", "/v1/b", "/v1/c", "/v1/d")
        assert [(await client.get(path)).status_code for path in paths] == [200, 503, 503, 401, 200]
        assert server.faults == []

    run(use)


def test_faults_can_be_set_from_outside() -> None:
    async def use(client: httpx.AsyncClient, server: FakeServer) -> None:
        fault = {"kind": "status", "path": "/x", "status": 503, "times": 9}
        assert (await client.post("/__faults", json=fault)).status_code == 204
        assert (await client.get("/x")).status_code == 503
        assert (await client.delete("/__faults")).status_code == 204
        assert (await client.get("/x")).status_code == 200
        wrong = await client.post("/__faults", json={"kind": "explode"})
        assert wrong.status_code == 400
        assert "kind" in wrong.json()["error"]["message"]
        assert (await client.get("/__faults")).status_code == 405
        assert [request.path for request in server.requests] == ["/x", "/x"]

    run(use)


@given(
    st.binary(max_size=80)
    | st.fixed_dictionaries(
        {"kind": st.sampled_from(get_args(FaultKind)) | st.text(max_size=5)},
        optional={
            "path": st.text(max_size=5),
            "times": st.integers(-2, 9),
            "seconds": st.floats(allow_nan=False),
            "status": st.integers(0, 999),
            "retry_after": st.text(max_size=5),
            "more": st.none(),
        },
    ).map(lambda data: json.dumps(data).encode())
)
def test_any_json_is_a_fault_or_an_error(body: bytes) -> None:
    try:
        fault = read_fault(body)
    except ValueError:
        return
    damaged(fault)


BODIES = {
    "application/json": json.dumps({"text": TEXT}).encode(),
    "text/event-stream": b'data: {"a": 1}\n\ndata: {"b": 2}\n\ndata: [DONE]\n\n',
    "audio/wav": b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x08\0\0\0abcdefgh",
    "text/plain": b"words",
}


@given(
    st.sampled_from(get_args(FaultKind)),
    st.sampled_from(sorted(BODIES)),
    st.none() | st.binary(max_size=60),
    st.booleans(),
    st.floats(-1, 1),
)
def test_any_answer_can_be_damaged(
    kind: FaultKind, content_type: str, body: bytes | None, streamed: bool, seconds: float
) -> None:
    fault = Fault(kind, seconds=seconds)
    body = BODIES[content_type] if body is None else body
    answer = damaged(fault, 200, (("content-type", content_type),), body, streamed=streamed)
    if answer.ending == "whole" and answer.length is not None:
        assert answer.length == len(answer.body)
    if kind == "invalid_json" and content_type == "application/json":
        with pytest.raises(ValueError):
            json.loads(answer.body)
    if kind == "wav_lying" and body == BODIES["audio/wav"]:
        claimed = int.from_bytes(answer.body[40:44], "little")
        assert claimed > 8 if seconds >= 0 else claimed < 8
    assert needs_answer(fault) or damaged(fault) == answer


def test_taking_faults() -> None:
    faults = [Fault("empty", "/a", times=2), Fault("html", "/")]
    kinds = [
        fault.kind if (fault := take(faults, path)) else None for path in ("/a", "/b", "/ab", "/a", "/b")
    ]
    assert kinds == ["empty", "html", "empty", None, None]


def test_it_speaks_tls(tmp_path: Path) -> None:
    server_context, trusted = self_signed(tmp_path)
    client_context = ssl.create_default_context(cafile=str(trusted))

    async def main() -> None:
        async with FakeServer(echo, ssl_context=server_context) as server:
            assert server.url.startswith("https://127.0.0.1:")
            async with httpx.AsyncClient(base_url=server.url, verify=client_context) as client:
                assert (await client.get("/a")).json()["path"] == "/a"
                server.faults.append(Fault("stall_midway"))
                with pytest.raises(httpx.ReadTimeout):
                    await client.get("/a", timeout=0.05)
                await server.wait_hung_up()

    asyncio.run(main())
