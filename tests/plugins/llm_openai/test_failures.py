"""Whatever goes wrong is one clear error, retryable where that makes sense, and never shows a secret."""

from __future__ import annotations

import asyncio
import json
import socket
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from tests.plugins.llm_openai.support import (
    KEY,
    Peer,
    Request,
    Server,
    collect,
    hello,
    models,
    provider,
    run,
    text_of,
)

from voicebot.errors import EngineError, EngineTimeout
from voicebot.interfaces import TextDelta
from voicebot_llm_openai import OpenAIConfig, OpenAILLM


def failure_of(chat: Callable[[Peer], None], *, expect_text: str = "", **settings: Any) -> EngineError:
    """What generate() raises when the server does this, after yielding this text."""
    caught: list[EngineError] = []

    async def handle(request: Request, peer: Peer) -> None:
        chat(peer)

    async def use(llm: OpenAILLM, server: Server) -> None:
        text = ""
        try:
            async for event in llm.generate([]):
                text += event.text if isinstance(event, TextDelta) else ""
        except EngineError as error:
            caught.append(error)
        assert text == expect_text

    run(handle, use, **settings)
    (error,) = caught
    told = f"{error}{error!r}{''.join(traceback.format_exception(error))}"
    assert KEY not in told
    return error


@pytest.mark.parametrize(
    ("status", "body", "retryable", "words"),
    [
        (
            401,
            {"error": {"message": f"Incorrect API key provided: {KEY}."}},
            False,
            ["refuses the API key", "***", "`api_key`"],
        ),
        (403, {"error": "no access"}, False, ["forbids", "no access", "`api_key`"]),
        (404, {"error": {"message": "The model does not exist"}}, False, ["'small-model'", "`model`", "/v1"]),
        (
            400,
            {"error": {"message": "maximum context length is 8192 tokens"}},
            False,
            ["8192", "history_turns"],
        ),
        (422, {"detail": [{"loc": ["body"], "msg": "bad"}]}, False, ["422", "bad"]),
        (
            429,
            {"error": {"code": "insufficient_quota", "message": "You exceeded"}},
            False,
            ["paid", "You exceeded"],
        ),
        (429, {"message": "slow down"}, True, ["too many requests", "slow down"]),
        (408, {}, True, ["408"]),
        (500, {"error": {"message": "boom\x1b[31m\nbang"}}, True, ["500", "boom [31m bang"]),
        (503, {"error": {"message": "Loading model"}}, True, ["503", "Loading model"]),
        (307, {}, False, ["307", "base_url"]),
    ],
)
def test_a_refusal_says_what_to_do(status: int, body: object, retryable: bool, words: list[str]) -> None:
    error = failure_of(lambda peer: peer.respond(status, json.dumps(body).encode()))
    assert error.retryable is retryable
    for word in words:
        assert word in str(error)


def test_without_a_key_the_server_is_said_to_want_one() -> None:
    error = failure_of(lambda peer: peer.respond(401, b""), api_key=None)
    assert "wants an API key" in str(error)


@pytest.mark.parametrize(
    ("value", "words"),
    [("7", "wait 7 s"), ("Wed, 21 Oct 1998 07:28:00 GMT", "requests."), ("x", "requests.")],
)
def test_retry_after_is_passed_on(value: str, words: str) -> None:
    assert words in str(failure_of(lambda peer: peer.respond(429, b"", Retry_After=value)))


def test_a_web_page_is_not_quoted() -> None:
    page = b"<html><title>Welcome</title></html>"
    for status in (200, 502):
        error = failure_of(lambda peer, status=status: peer.respond(status, page, "text/html; charset=utf-8"))  # type: ignore[misc]
        assert "Welcome" not in str(error)
    assert "502" in str(error)


def test_an_answer_in_one_piece_is_refused() -> None:
    error = failure_of(lambda peer: peer.respond(200, b'{"choices": []}'))
    assert "in one piece" in str(error)


def stream(*pieces: bytes, whole: bool = True) -> Callable[[Peer], None]:
    def chat(peer: Peer) -> None:
        peer.begin()
        for piece in pieces:
            peer.raw(piece)
        if whole:
            peer.end()
        else:
            peer.writer.close()

    return chat


HELLO = b'data: {"choices": [{"delta": {"content": "Hello"}}]}\n\n'


@pytest.mark.parametrize(
    ("chat", "text", "retryable", "words"),
    [
        (stream(HELLO), "Hello", True, "in the middle of the answer"),
        (stream(HELLO, whole=False), "Hello", True, "broke"),
        (stream(), "", True, "without an answer"),
        (
            stream(HELLO, b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'),
            "Hello",
            True,
            "overloaded",
        ),
        (stream(HELLO, b'data: {"error": {"message": "bad", "code": 400}}\n\n'), "Hello", False, "bad"),
        (stream(HELLO, b"data: {nonsense\n\n"), "Hello", False, "not JSON"),
        (stream(HELLO, b"data: " + b"[" * 100_000 + b"\n\n"), "Hello", False, "not JSON"),
        (stream(HELLO, b"data: [1]\n\n"), "Hello", False, "no chat completion"),
        (stream(HELLO, b'data: {"x": "caf\xe9"}\n\n'), "Hello", False, "not UTF-8"),
        (stream(HELLO, *[b"x" * 100_000] * 12), "Hello", False, "more than 1 MiB"),
        (stream(HELLO, *[b"data: " + b"x" * 100_000 + b"\n"] * 12), "Hello", False, "more than 1 MiB"),
        (stream(b"data: [DONE]\n\n"), "", True, "no text"),
        (
            stream(
                b'data: {"choices": [{"delta": {"tool_calls": [{}]}, "finish_reason": "tool_calls"}]}\n\n'
            ),
            "",
            True,
            "without a name",
        ),
        (
            stream(
                b'data: {"choices": [{"delta": {"reasoning_content": "Hm"}, "finish_reason": "length"}]}\n\n'
            ),
            "",
            False,
            "only reasoned",
        ),
    ],
)
def test_a_broken_stream(chat: Callable[[Peer], None], text: str, retryable: bool, words: str) -> None:
    error = failure_of(chat, expect_text=text)
    assert words in str(error)
    assert error.retryable is retryable


def test_a_finish_reason_is_as_good_as_done() -> None:
    async def chat(request: Request, peer: Peer) -> None:
        peer.begin("text/event-stream; charset=iso-8859-1")
        peer.text("Caf")
        peer.raw('data: {"choices": [{"delta": {"content": "é"}, "finish_reason": "stop"}]}'.encode())
        peer.end()

    async def use(llm: OpenAILLM, server: Server) -> None:
        assert text_of(await collect(llm)) == "Café"

    run(chat, use)


def test_silence_ends_at_the_read_timeout() -> None:
    error = failure_of(lambda peer: peer.begin(), read_timeout_s=0.02)
    assert isinstance(error, EngineTimeout)
    assert error.retryable


def test_nobody_there() -> None:
    async def main() -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            llm = provider(f"http://127.0.0.1:{sock.getsockname()[1]}/v1")
            for work in (llm.warmup, lambda: collect(llm)):
                with pytest.raises(EngineError, match="cannot be reached") as caught:
                    await work()
                assert caught.value.retryable
                assert "base_url" in caught.value.hint
            await llm.aclose()

    asyncio.run(main())


def test_a_server_without_tls_at_an_https_address() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            llm = provider(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
            with pytest.raises(EngineError) as caught:
                await llm.warmup()
            assert not caught.value.retryable
            assert "http://" in caught.value.hint
            await llm.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("key", [f"{KEY}\nX-Evil: 1", f"{KEY}é"])
def test_a_key_that_cannot_be_sent_is_not_shown(key: str) -> None:
    async def main() -> None:
        llm = provider("http://127.0.0.1:1/v1", api_key=key)
        with pytest.raises(EngineError, match="`api_key`") as caught:
            await llm.warmup()
        assert KEY not in "".join(traceback.format_exception(caught.value))
        await llm.aclose()

    asyncio.run(main())


def test_reprs_hold_no_secret() -> None:
    config = OpenAIConfig.model_validate({"model": "m", "api_key": KEY, "headers": {"api-key": KEY}})
    llm = provider("http://127.0.0.1:1/v1")
    assert KEY not in f"{config!r}{config}{config.model_dump_json()}{llm!r}"


def test_a_key_of_spaces_is_none() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        await collect(llm)
        assert "authorization" not in server.chats[0].headers

    run(hello, use, api_key=" ")


async def _status(status: int, request: Request, peer: Peer, body: bytes = b"{}") -> None:
    peer.respond(status, body)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_a_server_without_a_list_of_models_is_fine(status: int) -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        await llm.warmup()
        assert text_of(await collect(llm)) == "Hello there."

    run(hello, use, lambda request, peer: _status(status, request, peer))


@pytest.mark.parametrize(
    ("status", "body", "retryable", "words"),
    [(401, b"", False, "refuses the API key"), (503, b"", True, "503"), (200, b"<html>", False, "web page")],
)
def test_warmup_finds_what_cannot_work(status: int, body: bytes, retryable: bool, words: str) -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        with pytest.raises(EngineError, match=words) as caught:
            await llm.warmup()
        assert caught.value.retryable is retryable

    run(hello, use, lambda request, peer: _status(status, request, peer, body))


def test_a_model_that_is_not_there() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        with pytest.raises(EngineError, match="no model 'small-model'") as caught:
            await llm.warmup()
        assert "smal-model" in caught.value.hint
        assert not caught.value.retryable

    run(hello, use, models("large", "smal-model"))


@pytest.mark.parametrize(
    ("model", "ids"),
    [
        ("llama3.2", ["llama3.2:latest"]),
        ("openai/gpt:nitro", ["openai/gpt"]),
        ("gemini", ["models/gemini"]),
        ("anything", []),
    ],
)
def test_servers_name_models_in_their_own_ways(model: str, ids: list[str]) -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        await llm.warmup()

    run(hello, use, models(*ids), model=model)


def test_tags_of_a_model_are_different_models() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        with pytest.raises(EngineError, match="no model"):
            await llm.warmup()

    run(hello, use, models("llama3.2:3b"), model="llama3.2:1b")


def test_the_check_of_the_model_can_be_left_out() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        await llm.warmup()

    run(hello, use, models("other"), check_model=False)


def test_a_warmup_request_is_stopped_at_its_first_token() -> None:
    async def chat(request: Request, peer: Peer) -> None:
        peer.begin()
        peer.text("One")
        await peer.gone.wait()

    async def use(llm: OpenAILLM, server: Server) -> None:
        await llm.warmup()
        (request,) = server.chats
        assert request.json["messages"][0] == {"role": "system", "content": "You are brief."}
        await server.peers[0].gone.wait()
        assert server.requests[-1].path == "/v1/models/small-model"

    run(chat, use, models("small-model"), warmup_request=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "ftp://x"},
        {"base_url": "localhost:8000"},
        {"base_url": "http://me:pw@host/v1"},
        {"base_url": "http://[oops"},
        {"base_url": "https://host/v1?key=1"},
        {"model": ""},
        {"extra_body": {"stream": False}},
        {"temperature": 3},
        {"tempreature": 1},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        OpenAIConfig.model_validate({"model": "m", **settings})


def test_the_wait_is_in_the_error() -> None:
    assert failure_of(lambda peer: peer.respond(429, b"", Retry_After="1.5")).retry_after_s == 1.5
    words = b'{"error": {"message": "Please try again in 520ms."}}'
    assert failure_of(lambda peer: peer.respond(429, words)).retry_after_s == 0.52
    assert failure_of(lambda peer: peer.respond(503, b"", Retry_After="3")).retry_after_s == 3
    assert failure_of(lambda peer: peer.respond(400, b"", Retry_After="3")).retry_after_s is None
    unpaid = b'{"error": {"code": "insufficient_quota"}}'
    assert failure_of(lambda peer: peer.respond(429, unpaid, Retry_After="3")).retry_after_s is None
