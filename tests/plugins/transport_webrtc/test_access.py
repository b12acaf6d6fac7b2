"""Who may call, at the real port: tokens, strangers, floods, slow clients."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from tests.plugins.transport_webrtc.support import LIMIT_S, RunningFront, page, run, running_front, worker

from voicebot.access.secrets import AccessError
from voicebot.access.settings import AccessSettings
from voicebot.access.tokens import make_token

SECRET = "a secret of 32 bytes, or of more"


def access(**settings: Any) -> AccessSettings:
    return AccessSettings.model_validate(settings)


def proxied(**limits: Any) -> AccessSettings:
    """Behind a proxy on this machine that says who calls."""
    return access(open=True, trusted_proxies=["127.0.0.1"], limits=limits)


def by(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def token(secret: str = SECRET, *, late_s: float = 0, **claims: Any) -> str:
    values: dict[str, Any] = {"audience": "voicebot", "ttl_s": 600, "now_s": time.time() - late_s} | claims
    return make_token(secret.encode(), **values)


async def refusals(front: RunningFront, code: str) -> float:
    return await front.metric(f'voicebot_signalling_refused_total{{code="{code}"}}')


def test_every_token_that_is_no_good_gets_the_same_answer_and_the_log_knows_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    claims = jwt.decode(token(), options={"verify_signature": False})
    cases: list[tuple[str, str | None]] = [
        ("missing", None),
        ("malformed", "let me in"),
        ("malformed", jwt.encode(claims | {"max_call_s": "long"}, SECRET, "HS256")),
        ("forged", token("a secret of somebody else, 32 bytes")),
        ("forged", jwt.encode(claims, "", "none")),
        ("wrong_audience", token(audience="other")),
        ("expired", token(late_s=1_000)),
        ("not_yet", token(late_s=-600)),
        ("too_long", token(ttl_s=3_700)),
        ("wrong_origin", token(origin="https://shop.example")),
    ]

    async def main() -> None:
        settings = access(secret=SECRET)
        async with running_front(tmp_path, access=settings) as front, worker(front) as agent:
            await front.ready()
            for reason, given in cases:
                before = await refusals(front, f"not_allowed_{reason}")
                async with page(front) as caller:
                    answer = await caller.join(**({} if given is None else {"access_token": given}))
                    assert answer == {"type": "refused", "code": "not_allowed", "message": "Not allowed."}
                    assert await caller.closed() == 4006
                assert await refusals(front, f"not_allowed_{reason}") == before + 1, reason
                assert f"not allowed: {reason}, from 127.0.0.1" in caplog.messages
            good = token(label="Ann", max_call_s=90)
            async with page(front) as caller:
                assert (await caller.join(access_token=good))["type"] == "joined"
                begun = await agent.receive()
                assert begun["max_call_s"] == 90
                async with worker(front):
                    await front.ready()
                    async with page(front) as second:
                        assert (await second.join(access_token=good))["code"] == "not_allowed"
            assert await refusals(front, "not_allowed_replayed") == 1
            assert not [given for _, given in [*cases, ("", good)] if given and given in caplog.text]
            assert "'Ann'" in caplog.text

    run(main())


def test_a_token_is_not_used_up_by_a_busy_server_and_a_resume_needs_none(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path, access=access(secret=SECRET)) as front:
            good = token()
            async with page(front) as caller:
                assert (await caller.join(access_token=good))["code"] == "not_ready"
            async with worker(front):
                await front.ready()
                async with page(front) as caller:
                    assert (await caller.join(access_token=good))["type"] == "joined"
                    resume = caller.token
                async with page(front) as caller:
                    assert (await caller.join(resume=resume))["resumed"]

    run(main())


@pytest.mark.parametrize("remembers", [False, True])
def test_after_a_restart_a_used_token_is_good_again_only_where_no_folder_remembers_it(
    tmp_path: Path, remembers: bool
) -> None:
    settings = access(secret=SECRET, used_tokens=str(tmp_path / "used") if remembers else None)

    async def main() -> None:
        good = token()
        for expected in ("joined", "refused" if remembers else "joined"):
            async with running_front(tmp_path, access=settings) as front, worker(front):
                await front.ready()
                async with page(front) as caller:
                    assert (await caller.join(access_token=good))["type"] == expected

    run(main())


def test_a_token_for_a_site_is_good_on_its_pages(tmp_path: Path) -> None:
    site = "https://shop.example"

    async def main() -> None:
        settings = access(secret=SECRET)
        async with running_front(tmp_path, access=settings, allowed_origins=[site]) as front, worker(front):
            await front.ready()
            async with page(front, origin=site) as caller:
                assert (await caller.join(access_token=token(origin=site)))["type"] == "joined"

    run(main())


def test_without_a_secret_whom_a_proxy_brings_or_another_name_is_not_let_in(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path) as front, worker(front):
            await front.ready()
            for headers in (by("192.0.2.1"), {"Via": "1.1 proxy"}, {"Host": "rebound.example"}):
                async with page(front, headers=headers) as caller:
                    assert (await caller.join())["code"] == "not_allowed"
            assert await refusals(front, "not_allowed_not_local") == 3
            async with page(front) as caller:
                assert (await caller.join())["type"] == "joined"

    run(main())


def test_a_front_for_strangers_that_says_nothing_of_who_may_call_does_not_start(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_front(tmp_path, host="0.0.0.0"):
            pass

    with pytest.raises(AccessError, match="nothing says who may call"):
        run(main())


def test_an_address_holds_so_many_connections_and_calls_and_others_are_not_touched(tmp_path: Path) -> None:
    settings = proxied(connections_per_address=2, calls_per_address=1)
    one, other = by("192.0.2.1"), by("192.0.2.2")

    async def main() -> None:
        async with (
            running_front(tmp_path, access=settings) as front,
            worker(front),
            worker(front) as _,
        ):
            await front.ready()
            async with page(front, headers=one) as first, page(front, headers=one) as second:
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    async with page(front, headers=one):
                        pass
                assert refused.value.status == 503
                assert (await first.join())["type"] == "joined"
                assert (await second.join())["code"] == "not_allowed"
                assert await refusals(front, "not_allowed_too_many_calls") == 1
                async with page(front, headers=other) as third:
                    assert (await third.join())["type"] == "joined"
            async with asyncio.timeout(LIMIT_S):
                while True:  # until the front has seen that they are gone
                    with contextlib.suppress(aiohttp.WSServerHandshakeError):
                        async with page(front, headers=one):
                            return

    run(main())


def test_http_requests_of_one_address_have_a_rate(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            running_front(tmp_path, access=proxied(requests_per_s=1)) as front,
            aiohttp.ClientSession() as session,
        ):

            async def ask(address: str) -> int:
                async with session.get(front.url + "healthz", headers=by(address)) as response:
                    return response.status

            statuses = await asyncio.gather(*(ask("192.0.2.1") for _ in range(30)))
            # 5 at once, and one more a second.
            assert 5 <= statuses.count(200) < 30
            assert statuses.count(429) == 30 - statuses.count(200)
            assert await ask("192.0.2.2") == 200
            assert await refusals(front, "too_many_requests") == statuses.count(429)

    run(main())


def test_a_slow_request_and_a_slow_reader_are_cut_off_and_connections_counted(tmp_path: Path) -> None:
    settings = access(limits={"request_timeout_s": 0.2, "response_timeout_s": 1, "sockets": 4})

    async def main() -> None:
        async with running_front(tmp_path, access=settings) as front, page(front) as web_socket:
            host, port = front.url.removeprefix("http://").strip("/").split(":")

            async def gone(send: bytes, drip: bytes = b"") -> None:
                """Sends this, then the other over and over, until the front closes the connection."""
                reader, writer = await asyncio.open_connection(host, int(port))
                with contextlib.suppress(ConnectionError):
                    writer.write(send)
                    while not reader.at_eof():
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(reader.read(1), 0.05)
                        writer.write(drip)
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

            many = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            async with asyncio.timeout(LIMIT_S):
                await gone(b"")
                await gone(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"a")
                await gone(many)
                # Never silent, and never done: only the longest life of a connection ends it.
                await gone(many, many)
            crowd = [await asyncio.open_connection(host, int(port)) for _ in range(4)]
            reader, _ = crowd[3]
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(1), LIMIT_S) == b""
            for _, writer in crowd:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
            async with asyncio.timeout(LIMIT_S):
                while True:
                    with contextlib.suppress(aiohttp.ClientError):
                        if await refusals(front, "too_many_sockets") >= 1:
                            break
            assert (await web_socket.join())["code"] == "not_ready", "a WebSocket may last"

    run(main())


def test_whoever_goes_before_the_answer_fills_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handshake = (
        b"GET /signal HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    async def main() -> None:
        async with running_front(tmp_path) as front:
            host, port = front.url.removeprefix("http://").strip("/").split(":")
            for _ in range(50):
                _, writer = await asyncio.open_connection(host, int(port))
                writer.write(handshake)
                await writer.drain()
                writer.transport.abort()
            async with page(front) as caller:
                assert (await caller.join())["code"] == "not_ready"

    run(main())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
