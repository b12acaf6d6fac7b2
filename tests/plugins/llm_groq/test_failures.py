"""Whatever goes wrong is one clear error that never shows a secret."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.llm_groq.support import CHAT, KEY, chats, collect, failure, provider, run, text_of
from tests.support.certificate import self_signed

from voicebot.errors import EngineError, EngineTimeout
from voicebot.testing.fakes import groq
from voicebot.testing.fakes.faults import Fault
from voicebot.testing.fakes.http import FakeServer, Handler, Request, Response, json_response
from voicebot_llm_groq import GroqLLM
from voicebot_llm_groq.retired import RETIRED, check_groq_model


def failing(
    *faults: Fault, after: str | None = "", handler: Handler | None = None, **settings: Any
) -> EngineError:
    """What an answer raises; afterwards all is well again."""
    caught: list[EngineError] = []

    async def use(llm: GroqLLM, server: FakeServer) -> None:
        server.faults += faults
        caught.append(await failure(llm, after=after))
        if handler is None:
            assert len(chats(server)) == 1  # the SDK has not tried again
            assert text_of(await collect(llm)) == "You said: Grüße 🙂"

    run(use, handler, **settings)
    return caught[0]


def answering(*responses: tuple[int, object, dict[str, str]]) -> Handler:
    pending = list(responses)

    async def handler(request: Request) -> Response:
        status, body, headers = pending.pop(0)
        return json_response(body, status, headers)

    return handler


@pytest.mark.parametrize(
    ("status", "retryable", "words"),
    [
        (401, False, ["refuses the API key", "${GROQ_API_KEY}"]),
        (403, False, ["forbids"]),
        (404, False, ["'openai/gpt-oss-120b'"]),
        (413, False, ["413"]),
        (429, True, ["too many requests"]),
        (498, True, ["498", "capacity"]),
        (500, True, ["500"]),
        (503, True, ["503", "overloaded"]),
    ],
)
def test_refusals(status: int, retryable: bool, words: Sequence[str]) -> None:
    error = failing(Fault("status", CHAT, status=status))
    assert error.retryable is retryable
    assert error.retry_after_s is None
    for word in words:
        assert word in str(error)


def test_how_long_groq_asks_to_wait() -> None:
    assert failing(Fault("status", CHAT, status=429, retry_after="2")).retry_after_s == 2
    assert failing(Fault("status", CHAT, status=503, retry_after="0.5")).retry_after_s == 0.5
    assert failing(Fault("status", CHAT, status=400, retry_after="2")).retry_after_s is None
    message = {
        "error": {"message": "Rate limit reached. Please try again in 7.66s.", "code": "rate_limit_exceeded"}
    }
    limits = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2.5s"}
    told = failing(handler=answering((429, message, limits)))
    assert told.retry_after_s == 62.5
    assert "wait 62.5 s" in str(told)
    assert failing(handler=answering((429, message, {}))).retry_after_s == pytest.approx(7.66)


@pytest.mark.parametrize(
    ("fault", "after", "retryable", "words"),
    [
        (Fault("reset", CHAT), "", True, "broke"),
        (Fault("empty", CHAT), "", True, "without an answer"),
        (Fault("html", CHAT), "", False, "web page"),
        (Fault("huge", CHAT), "", False, "more than 1 MiB"),
        (Fault("truncate", CHAT), None, True, "in the middle"),
        (Fault("close_midway", CHAT), None, True, "broke"),
        (Fault("invalid_json", CHAT), "You said:", False, "not JSON"),
    ],
)
def test_broken_answers(fault: Fault, after: str | None, retryable: bool, words: str) -> None:
    error = failing(fault, after=after)
    assert error.retryable is retryable
    assert words in str(error)


@pytest.mark.parametrize(("kind", "after"), [("stall_before", ""), ("stall_midway", None)])
def test_silence_is_a_timeout(kind: Any, after: str | None) -> None:
    error = failing(Fault(kind, CHAT), after=after, read_timeout_s=0.2)
    assert isinstance(error, EngineTimeout)
    assert error.retryable


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    async def main() -> EngineError:
        llm = provider(f"http://127.0.0.1:{port}")
        try:
            with pytest.raises(EngineError, match="cannot be reached"):
                await llm.warmup()
            return await failure(llm)
        finally:
            await llm.aclose()

    assert asyncio.run(main()).retryable


@pytest.mark.parametrize(
    "chunk",
    [
        {"error": {"message": f"boom {KEY}", "type": "internal_server_error", "code": "tool_use_failed"}},
        {"choices": [], "x_groq": {"id": "req_1", "error": f"boom {KEY}"}},
    ],
)
def test_failures_inside_the_stream(chunk: object) -> None:
    async def handler(request: Request) -> Response:
        text = {"choices": [{"delta": {"content": "Well"}}]}
        body = "".join(f"data: {json.dumps(each)}\n\n" for each in (text, chunk)).encode()
        return Response(200, {"Content-Type": "text/event-stream"}, body)

    error = failing(handler=handler, after="Well")
    assert error.retryable
    assert "boom ***" in str(error)


def test_a_garbled_tool_call_may_go_well_the_next_time() -> None:
    body = {
        "error": {
            "message": "Failed to call a function.",
            "code": "tool_use_failed",
            "failed_generation": "<",
        }
    }
    error = failing(handler=answering((400, body, {})))
    assert error.retryable


def test_the_key_is_not_shown_where_groq_repeats_it() -> None:
    body = {"error": {"message": f"Wrong key {KEY}."}}
    assert "***" in str(failing(handler=answering((401, body, {}))))


# --- the model, at the start ---


def test_a_wrong_key_is_an_error_at_the_start() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        with pytest.raises(EngineError, match="refuses the API key") as caught:
            await llm.warmup()
        assert "gsk_wrong" not in str(caught.value)

    run(use, api_key="gsk_wrong")


def test_the_nearest_model_is_named() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        with pytest.raises(EngineError, match=r"Did you mean openai/gpt-oss-20b\?"):
            await llm.warmup()

    run(use, model="openai/gpt-os-20b")


def test_a_retired_model_is_said_to_be_retired() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        with pytest.raises(
            EngineError, match=r"retired the model 'llama-3.3-70b-versatile' on 2026-08-16"
        ) as caught:
            await llm.warmup()
        assert "openai/gpt-oss-120b" in caught.value.hint

    run(use, model="llama-3.3-70b-versatile")


def test_one_that_is_asked_all_the_same_is_refused() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        await llm.warmup()
        error = await failure(llm)
        assert "decommissioned" in str(error)
        assert not error.retryable

    run(use, model="mixtral-8x7b-32768", check_model=False)


def test_a_model_that_an_account_still_has_is_taken() -> None:
    check_groq_model("llama-3.3-70b-versatile", ["llama-3.3-70b-versatile"], "https://x")


@pytest.mark.parametrize("model", sorted(RETIRED))
def test_what_replaces_a_retired_model_lives(model: str) -> None:
    assert RETIRED[model].instead not in RETIRED
    assert RETIRED[model].instead in groq.MODELS
    with pytest.raises(EngineError) as caught:
        check_groq_model(model, ["openai/gpt-oss-next"], "https://x")
    assert "openai/gpt-oss-next" in caught.value.hint


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server_context, trusted = self_signed(tmp_path)

    async def main(url: str) -> str | EngineError:
        llm = provider(url)
        try:
            return text_of(await collect(llm))
        except EngineError as error:
            return error
        finally:
            await llm.aclose()

    async def both() -> None:
        async with FakeServer(groq.app(api_key=KEY), ssl_context=server_context) as server:
            error = await main(server.url)
            assert isinstance(error, EngineError)
            assert "cannot be trusted" in str(error)
            assert not error.retryable
            monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            assert await main(server.url) == "You said: Grüße 🙂"

    asyncio.run(both())
