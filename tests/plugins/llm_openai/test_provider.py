"""Streams, connections and how they end, against a server on a real socket."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing

import pytest
from tests.plugins.llm_openai.support import (
    KEY,
    QUESTION,
    Peer,
    Request,
    Server,
    collect,
    hello,
    models,
    provider,
    run,
    text_of,
    until,
)

from voicebot.errors import EngineError
from voicebot.interfaces import TextDelta, TokenUsage
from voicebot_llm_openai import OpenAILLM


def test_an_answer_is_streamed() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        events = await collect(llm)
        assert events == [TextDelta("Hello"), TextDelta(" there"), TextDelta("."), TokenUsage(7, 3)]
        (request,) = server.chats
        assert request.json == {
            "model": "small-model",
            "messages": [
                {"role": "system", "content": "You are brief."},
                {"role": "user", "content": "Say hello."},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 300,
            "temperature": 0.5,
            "min_p": 0.1,
        }
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["x-title"] == "test"
        assert request.headers["accept-encoding"] == "identity"

    run(hello, use, temperature=0.5, extra_body={"min_p": 0.1}, headers={"X-Title": "test"})


def test_each_piece_comes_when_it_was_sent() -> None:
    may_go_on = asyncio.Event()

    async def chat(request: Request, peer: Peer) -> None:
        peer.begin()
        peer.text("Hello")
        await may_go_on.wait()
        peer.text(" there", finish_reason="stop")
        peer.end()

    async def use(llm: OpenAILLM, server: Server) -> None:
        async with aclosing(llm.generate(QUESTION)) as stream:
            assert await anext(stream) == TextDelta("Hello")
            may_go_on.set()
            assert [event async for event in stream] == [TextDelta(" there")]

    run(chat, use)


def test_all_requests_share_the_connection_that_warmup_made() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        await llm.warmup()
        for _ in range(3):
            await collect(llm)
        assert [request.path for request in server.requests] == ["/v1/models"] + 3 * ["/v1/chat/completions"]
        assert len(server.peers) == 1

    run(hello, use, models("small-model"))


def test_closing_an_answer_hangs_up_within_one_turn_of_the_loop() -> None:
    async def chat(request: Request, peer: Peer) -> None:
        peer.begin()
        peer.text("One")
        peer.text(" two")
        await peer.gone.wait()

    async def use(llm: OpenAILLM, server: Server) -> None:
        stream = llm.generate(QUESTION)
        assert await anext(stream) == TextDelta("One")
        (peer,) = server.peers
        assert not peer.client_has_hung_up()
        closing = asyncio.create_task(stream.aclose())
        await asyncio.sleep(0)
        assert peer.client_has_hung_up()
        await closing
        await peer.gone.wait()
        assert peer.events_written == 2

    run(chat, use)


@pytest.mark.parametrize("headers_first", [True, False])
def test_cancelling_before_the_first_token_hangs_up(headers_first: bool) -> None:
    async def chat(request: Request, peer: Peer) -> None:
        if headers_first:
            peer.begin()
        await peer.gone.wait()

    async def use(llm: OpenAILLM, server: Server) -> None:
        task = asyncio.create_task(collect(llm))
        await until(lambda: len(server.chats) == 1)
        task.cancel()
        await server.peers[0].gone.wait()
        await asyncio.wait([task])
        assert task.cancelled()

    run(chat, use)


def test_after_an_answer_was_stopped_another_connection_is_made_ready() -> None:
    async def chat(request: Request, peer: Peer) -> None:
        if len(server_of["it"].chats) == 1:
            peer.begin()
            peer.text("One")
            await peer.gone.wait()
        else:
            peer.answer("Two")

    server_of: dict[str, Server] = {}

    async def use(llm: OpenAILLM, server: Server) -> None:
        server_of["it"] = server
        await llm.warmup()
        async with aclosing(llm.generate(QUESTION)) as stream:
            await anext(stream)
        await until(lambda: len(server.requests) == 3)
        assert server.requests[-1].path == "/v1/models/small-model"
        assert len(server.peers) == 2
        for _ in range(50):  # its response is on the way to the same loop
            await asyncio.sleep(0)
        assert text_of(await collect(llm)) == "Two"
        assert len(server.peers) == 2

    run(chat, use, models("small-model"))


def test_an_idle_connection_is_used_now_and_then() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        await llm.warmup()
        await until(lambda: len(server.requests) >= 4)
        assert {request.path for request in server.requests[1:]} == {"/v1/models/small-model"}
        assert len(server.peers) == 1

    run(hello, use, models("small-model"), keep_alive_s=0.005)


def test_a_server_that_went_away_does_not_disturb_the_keeper() -> None:
    async def main() -> None:
        async with Server(hello) as server:
            llm = provider(server.url, keep_alive_s=0.001)
            await llm.warmup()
        try:
            for _ in range(3):
                with pytest.raises(EngineError) as caught:
                    await collect(llm)
                assert caught.value.retryable
        finally:
            await llm.aclose()

    asyncio.run(main())


def test_a_stream_that_never_ends_after_its_last_event_ends_here() -> None:
    async def chat(request: Request, peer: Peer) -> None:
        peer.begin()
        peer.text("Hello", finish_reason="stop")
        peer.raw(b"data: [DONE]\n\n")
        await peer.gone.wait()

    async def use(llm: OpenAILLM, server: Server) -> None:
        assert text_of(await collect(llm)) == "Hello"
        await server.peers[0].gone.wait()

    run(chat, use)


def test_two_answers_at_once() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        first, second = await asyncio.gather(collect(llm), collect(llm))
        assert text_of(first) == text_of(second) == "Hello there."

    run(hello, use)


def test_aclose_ends_an_answer_that_is_being_read() -> None:
    async def chat(request: Request, peer: Peer) -> None:
        peer.begin()
        peer.text("One")
        await peer.gone.wait()

    async def use(llm: OpenAILLM, server: Server) -> None:
        stream = llm.generate(QUESTION)
        await anext(stream)
        rest = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await llm.aclose()
        with pytest.raises(EngineError):
            await rest
        await server.peers[0].gone.wait()
        with pytest.raises(EngineError, match="was closed"):
            await collect(llm)
        with pytest.raises(EngineError, match="was closed"):
            await llm.warmup()

    run(chat, use)


def test_an_abandoned_answer_leaves_no_task() -> None:
    async def use(llm: OpenAILLM, server: Server) -> None:
        stream = llm.generate(QUESTION)
        await anext(stream)
        await stream.aclose()
        del stream
        gc.collect()
        for _ in range(10):
            await asyncio.sleep(0)
        names = {task.get_name() for task in asyncio.all_tasks() if "athrow" in repr(task)}
        assert not names

    run(hello, use)


def test_proxies_are_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def use(llm: OpenAILLM, server: Server) -> None:
        assert text_of(await collect(llm)) == "Hello there."

    run(hello, use)


@pytest.mark.parametrize(
    ("complaint", "gone", "instead"),
    [
        ("Unrecognized request argument supplied: stream_options", "stream_options", None),
        ("Use 'max_completion_tokens' instead.", "max_tokens", "max_completion_tokens"),
    ],
)
def test_the_servers_own_words_are_learnt_once(complaint: str, gone: str, instead: str | None) -> None:
    async def chat(request: Request, peer: Peer) -> None:
        if gone in request.json:
            peer.respond(400, b'{"error": {"message": "%s"}}' % complaint.encode())
        else:
            peer.answer("Fine.")

    async def use(llm: OpenAILLM, server: Server) -> None:
        for _ in range(2):
            assert text_of(await collect(llm)) == "Fine."
        assert [gone in request.json for request in server.chats] == [True, False, False]
        assert instead is None or server.chats[-1].json[instead] == 300
        assert len(server.peers) == 1

    run(chat, use)
