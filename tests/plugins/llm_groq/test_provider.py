"""Answers, connections and tools, through Groq's SDK, against a fake Groq on a real socket."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from contextlib import aclosing
from typing import Any

import pytest
from tests.plugins.llm_groq.support import CHAT, KEY, QUESTION, chats, collect, run, text_of

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, LLMEvent, TextDelta, TokenUsage, ToolCall, ToolSpec
from voicebot.testing.fakes.faults import Fault
from voicebot.testing.fakes.groq import Calls
from voicebot.testing.fakes.http import FakeServer
from voicebot_llm_groq import GroqConfig, GroqLLM

WEATHER = ToolSpec("weather", "Tells the weather.", {"type": "object", "properties": {}})


def test_an_answer_is_streamed() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        events = await collect(llm)
        assert events[:-1] == [TextDelta("You"), TextDelta(" said:"), TextDelta(" Grüße"), TextDelta(" 🙂")]
        assert events[-1] == TokenUsage(5, 4)
        (request,) = chats(server)
        assert request.json() == {
            "model": "openai/gpt-oss-120b",
            "messages": [
                {"role": "system", "content": "You are brief."},
                {"role": "user", "content": "Grüße 🙂"},
            ],
            "stream": True,
            "max_completion_tokens": 600,
            "temperature": 0.5,
            "reasoning_effort": "low",
            "include_reasoning": False,
            "service_tier": "auto",
            "top_p": 0.9,
        }
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["accept-encoding"] == "identity"
        assert request.headers["x-title"] == "test"
        assert request.headers["x-stainless-lang"] == "python"  # the SDK's own
        assert request.headers["x-stainless-retry-count"] == "0"

    run(use, temperature=0.5, service_tier="auto", extra_body={"top_p": 0.9}, headers={"X-Title": "test"})


def test_all_requests_share_the_connection_that_warmup_made() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        await llm.warmup()
        for _ in range(3):
            await collect(llm)
        assert [request.path for request in server.requests] == ["/openai/v1/models", *[CHAT] * 3]
        assert server.connections == 1
        assert server.hung_up == []

    run(use)


def test_closing_an_answer_hangs_up_in_the_middle_and_another_connection_is_made() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        await llm.warmup()
        async with aclosing(llm.generate(QUESTION)) as stream:
            assert await anext(stream) == TextDelta("You")
            assert server.hung_up == []
        await server.wait_hung_up()
        while len(server.requests) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert server.requests[-1].path == "/openai/v1/models/openai/gpt-oss-120b"
        assert server.connections == 2

    run(use, fake={"tokens_per_s": 2.0})


@pytest.mark.parametrize("faults", [[Fault("stall_before", CHAT)], [Fault("stall_midway", CHAT)]])
def test_cancelling_a_stalled_answer_hangs_up(faults: list[Fault]) -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        server.faults += faults
        task = asyncio.create_task(collect(llm))
        while not chats(server):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        task.cancel()
        await server.wait_hung_up()
        await asyncio.wait([task])
        assert task.cancelled()

    run(use)


def test_bytes_however_they_are_cut() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        whole = await collect(llm)
        server.faults.append(Fault("drip", CHAT))
        assert await collect(llm) == whole

    run(use)


@pytest.mark.parametrize("newline", [b"\r\n", b"\r"])
def test_other_line_ends_and_keep_alive_comments(newline: bytes) -> None:
    from voicebot.testing.fakes import groq
    from voicebot.testing.fakes.http import Request, Response

    real = groq.app(api_key=KEY)

    async def handler(request: Request) -> Response:
        response = await real(request)
        if not isinstance(response.body, bytes):
            whole = b"".join([chunk async for chunk in response.body])
            events = whole.replace(b"\n\n", b"\n\n: keep-alive\n\n")
            response.body = (b": hello\n\n" + events).replace(b"\n", newline)
        return response

    async def use(llm: GroqLLM, server: FakeServer) -> None:
        assert text_of(await collect(llm)) == "You said: Grüße 🙂"

    run(use, handler)


# --- tools ---


@pytest.mark.parametrize("argument_chars", [0, 3])
def test_a_conversation_with_tools(argument_chars: int) -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        question = [*QUESTION, ChatMessage("user", 'Ask weather with {"city": "Ulm"}.')]
        call, usage = await collect(llm, question, [WEATHER])
        assert isinstance(call, ToolCall)
        assert isinstance(usage, TokenUsage)
        assert (call.name, call.arguments) == ("weather", '{"city": "Ulm"}')
        assert chats(server)[0].json()["tools"][0]["function"]["name"] == "weather"
        messages = [
            *question,
            ChatMessage("assistant", "", (call,)),
            ChatMessage("tool", "Sunny.", tool_call_id=call.id),
        ]
        assert text_of(await collect(llm, messages, [WEATHER])) == "The tool says: Sunny."

    run(use, fake={"argument_chars": argument_chars})


def test_text_and_several_calls() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        events: list[LLMEvent] = await collect(llm, tools=[WEATHER])
        assert text_of(events) == "Let me see."
        found = [event for event in events if isinstance(event, ToolCall)]
        assert [(call.name, call.arguments) for call in found] == [("weather", '{"a": 1}'), ("weather", "{}")]
        assert len({call.id for call in found}) == 2

    run(use, fake={"replies": (Calls((("weather", '{"a": 1}'), ("weather", "{}")), "Let me see."),)})


# --- reasoning ---


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({}, {"reasoning_effort": "low", "include_reasoning": False}),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "high", "include_reasoning": False}),
        ({"reasoning_effort": None}, {"include_reasoning": False}),
        ({"model": "qwen/qwen3.6-27b"}, {"reasoning_effort": "none", "reasoning_format": "hidden"}),
        ({"model": "other"}, {}),
        ({"extra_body": {"include_reasoning": True}}, {"reasoning_effort": "low", "include_reasoning": True}),
        ({"extra_body": {"reasoning_format": "raw"}, "model": "other"}, {"reasoning_format": "raw"}),
    ],
)
def test_reasoning_is_not_spoken(settings: dict[str, Any], sent: dict[str, object]) -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        assert text_of(await collect(llm)) == "You said: Grüße 🙂"
        body = chats(server)[0].json()
        assert {name: value for name, value in body.items() if "reasoning" in name} == sent

    models = ("openai/gpt-oss-120b", "qwen/qwen3.6-27b", "other")
    run(use, fake={"reasoning": "They greet me. I greet them.", "models": models}, **settings)


def test_a_wish_that_is_refused_is_not_sent_again() -> None:
    from voicebot.testing.fakes import groq
    from voicebot.testing.fakes.http import Request, Response, json_response

    real = groq.app(api_key=KEY)

    async def handler(request: Request) -> Response:
        if request.path == CHAT and "include_reasoning" in request.json():
            words = "property 'include_reasoning' is unsupported"
            return json_response({"error": {"message": words}}, 400)
        return await real(request)

    async def use(llm: GroqLLM, server: FakeServer) -> None:
        for _ in range(2):
            assert text_of(await collect(llm)) == "You said: Grüße 🙂"
        assert ["include_reasoning" in request.json() for request in chats(server)] == [True, False, False]
        assert server.connections == 1

    run(use, handler)


# --- the whole ---


def test_nothing_is_asked_of_a_closed_one() -> None:
    async def use(llm: GroqLLM, server: FakeServer) -> None:
        await llm.aclose()
        with pytest.raises(EngineError, match="was closed"):
            await collect(llm)
        with pytest.raises(EngineError, match="was closed"):
            await llm.warmup()

    run(use)


def test_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def use(llm: GroqLLM, server: FakeServer) -> None:
        await llm.warmup()
        await collect(llm)
        server.faults.append(Fault("status", CHAT, status=401))
        with pytest.raises(EngineError):
            await collect(llm)

    run(use)
    assert caplog.records
    assert KEY not in caplog.text
    assert KEY not in repr(GroqConfig.model_validate({"api_key": KEY}))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://api.groq.com", "https://api.groq.com/openai/v1"),
        ("https://api.groq.com/", "https://api.groq.com/openai/v1"),
        ("http://127.0.0.1:8101/openai/v1/", "http://127.0.0.1:8101/openai/v1"),
    ],
)
def test_either_form_of_the_address_is_understood(given: str, meant: str) -> None:
    assert GroqConfig.model_validate({"api_key": KEY, "base_url": given}).base_url == meant


def test_the_sdk_is_imported_only_to_be_used() -> None:
    code = "import sys, voicebot_llm_groq; assert 'groq' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
