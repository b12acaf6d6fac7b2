"""The operator's page on its port: what is answered, to whom, and whatever is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from voicebot.errors import VoicebotError
from voicebot.operating import server
from voicebot.operating.server import serve_operator
from voicebot.operating.settings import OperatorSettings
from voicebot.operating.site import HEADERS

PASSWORD = "sixteen characters or more"


class Shown:
    """A board that a test changes."""

    def __init__(self) -> None:
        self.calls = ["ab12"]
        self.wishes: list[tuple[str, bool]] = []

    def picture(self) -> dict[str, Any]:
        return {"calls": [{"id": call} for call in self.calls]}

    def hang_up(self, call_id: str, *, goodbye: bool) -> bool:
        self.wishes.append((call_id, goodbye))
        return call_id in self.calls


@asynccontextmanager
async def serving(shown: Shown, password: str | None = None) -> AsyncIterator[str]:
    """The page's address."""
    secret = None if password is None else SecretStr(password)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    config = OperatorSettings(port=0, password=secret)
    task = asyncio.create_task(serve_operator(config, shown, ready.set_result))
    try:
        async with asyncio.timeout(30):
            yield await ready
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


def asking(
    body: Callable[[httpx.AsyncClient, Shown], Awaitable[None]], *, password: str | None = None
) -> None:
    async def main() -> None:
        shown = Shown()
        async with (
            serving(shown, password) as url,
            httpx.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            await body(client, shown)

    asyncio.run(main())


def origin_of(client: httpx.AsyncClient) -> dict[str, str]:
    return {"Origin": str(client.base_url).rstrip("/")}


def test_the_page_comes_with_all_that_it_names_and_may_load_nothing_else() -> None:
    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        page = await client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for name in ("operator.js", "operator.css", "icon.svg"):
            assert f'"{name}"' in page.text
            assert (await client.get(f"/{name}")).status_code == 200
        assert "<style" not in page.text
        assert "onclick" not in page.text
        for name, value in HEADERS.items():
            assert page.headers[name] == value
        assert (await client.get("/nothing")).status_code == 404
        assert (await client.get("/../server.py")).status_code == 404
        assert (await client.head("/")).status_code == 405
        assert (await client.post("/", headers=origin_of(client))).status_code == 405

    asking(body)


def test_nothing_is_told_without_the_password() -> None:
    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        for path in ("/", "/operator.js", "/state", "/events", "/nothing"):
            refused = await client.get(path)
            assert (refused.status_code, "ab12" in refused.text) == (401, False)
            assert refused.headers["www-authenticate"].startswith("Basic ")
        assert (await client.get("/state", auth=("any", PASSWORD))).json() == shown.picture()

    asking(body, password=PASSWORD)


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_call_is_ended(goodbye: bool) -> None:
    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        wish = {"call": "ab12", "goodbye": goodbye}
        assert (await client.post("/hang-up", json=wish)).status_code == 403
        assert shown.wishes == []
        origin = origin_of(client)
        assert (await client.get("/hang-up")).status_code == 405
        assert (await client.post("/hang-up", json=wish, headers=origin)).status_code == 204
        other = wish | {"call": "gone"}
        assert (await client.post("/hang-up", json=other, headers=origin)).status_code == 404
        assert shown.wishes == [("ab12", goodbye), ("gone", goodbye)]

    asking(body)


def test_what_is_no_wish_ends_no_call() -> None:
    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        wishes = [
            b"",
            b"{",
            b"[" * 4_000,
            b"null",
            b'{"call": 1, "goodbye": true}',
            b'{"call": "ab12", "goodbye": 1}',
        ]
        for wish in wishes:
            answer = await client.post("/hang-up", content=wish, headers=origin_of(client))
            assert answer.status_code == 400, wish
        too_long = await client.post("/hang-up", content=b" " * 5_000, headers=origin_of(client))
        assert too_long.status_code == 413
        assert shown.wishes == []

    asking(body)


def test_whoever_watches_is_told_of_what_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(server, "STILL_HERE_S", 0.0)

    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        async with client.stream("GET", "/events") as watching:
            assert watching.headers["content-type"] == "text/event-stream"
            lines = watching.aiter_lines()
            first = json.loads((await anext(lines)).removeprefix("data: "))
            assert first["picture"] == shown.picture()
            # Then only that the line still stands, until there is news.
            assert [await anext(lines) for _ in range(2)] == ["", ": still here"]
            shown.calls.append("cd34")
            while not (line := await anext(lines)).startswith("data: "):
                assert line in ("", ": still here")
            assert json.loads(line.removeprefix("data: "))["picture"] == shown.picture()

    asking(body)


def test_a_fault_of_the_page_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        shown.calls = None  # type: ignore[assignment]
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/state")
        shown.calls = []
        assert (await client.get("/state")).json() == {"calls": []}

    asking(body)
    assert "the operator's page failed" in caplog.text


def test_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 2)

    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        async with client.stream("GET", "/events"), client.stream("GET", "/events"):
            with pytest.raises(httpx.TransportError):
                await client.get("/state")

    asking(body)


def test_one_who_never_finishes_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 0.05)

    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        assert await sent(str(client.base_url), b"GET / HTTP/1.1\r\nHost:", then_close=False) == b""

    asking(body)


async def sent(url: str, data: bytes, *, then_close: bool = True) -> bytes:
    """What is answered to these bytes."""
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(data)
        if then_close:
            writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"POST /hang-up HTTP/1.1\r\n",
        b"HEAD / HTTP/1.0\r\n",
        b"Host: 127.0.0.1\r\n",
        b"Origin: http://127.0.0.1\r\n",
        b"Content-Length: 31\r\n",
        b"Content-Length: 99999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"X: " + b"x" * 70_000 + b"\r\n",
        b"\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b'{"call": "no", "goodbye": true}',
    ]
) | st.binary(max_size=40)


def test_whatever_is_sent_the_next_one_is_answered() -> None:
    """All the examples meet the same server, which must be none the worse for any."""

    async def body(client: httpx.AsyncClient, shown: Shown) -> None:
        examples: list[bytes] = []

        @settings(max_examples=60)
        @given(st.lists(LINES, max_size=6))
        def collect(lines: list[bytes]) -> None:
            examples.append(b"".join(lines))

        collect()
        for example in examples:
            answer = await sent(str(client.base_url), example)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 "), example
            assert b"HTTP/1.1 500" not in answer
        assert {call for call, _ in shown.wishes} <= {"no"}
        assert (await client.get("/state")).status_code == 200

    asking(body)


def test_a_port_that_is_taken_is_the_users_to_mend() -> None:
    async def main() -> None:
        async with serving(Shown()) as url:
            taken = OperatorSettings(port=httpx.URL(url).port)
            with pytest.raises(VoicebotError, match="cannot be served") as raised:
                await serve_operator(taken, Shown(), print)
            assert "operator.port" in raised.value.hint

    asyncio.run(main())


@pytest.mark.parametrize("host", ["x..y", "h" * 64])
def test_so_is_a_host_that_cannot_be(host: str) -> None:
    config = OperatorSettings(port=0, host=host, password=SecretStr(PASSWORD))
    with pytest.raises(VoicebotError, match="cannot be served") as raised:
        asyncio.run(serve_operator(config, Shown(), print))
    assert "operator.host" in raised.value.hint
