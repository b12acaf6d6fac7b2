"""What the fake Groq answers, read without any of our readers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.testing.fakes import groq
from voicebot.testing.fakes.http import FakeServer, Handler, Request

MODEL = groq.MODELS[0]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def run(use: Callable[[httpx.AsyncClient], Awaitable[None]], handler: Handler | None = None) -> None:
    async def main() -> None:
        async with FakeServer(handler or groq.app()) as server:
            headers = {"Authorization": "Bearer gsk_fake"}
            base = f"{server.url}/openai/v1"
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=20) as client:
                await use(client)

    asyncio.run(main())


async def chat(client: httpx.AsyncClient, *messages: dict[str, Any], **more: object) -> httpx.Response:
    body = {"model": MODEL, "stream": True, "messages": list(messages), **more}
    return await client.post("/chat/completions", json=body)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def chunks(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def deltas(response: httpx.Response) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(response)]


def test_a_stream_has_groqs_shape() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        response = await chat(client, user("Grüße 🙂"))
        found = chunks(response)
        assert "".join(c["choices"][0]["delta"].get("content", "") for c in found) == "You said: Grüße 🙂"
        assert len({chunk["id"] for chunk in found}) == 1
        assert found[0]["x_groq"]["id"] == response.headers["x-request-id"]
        assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
        last = found[-1]
        assert last["choices"][0]["finish_reason"] == "stop"
        assert last["x_groq"]["usage"] == last["usage"]
        assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (2, 4)
        assert response.headers["x-ratelimit-remaining-requests"] == "14399"
        assert "retry-after" not in response.headers
        short = chunks(await chat(client, user("one two three"), max_completion_tokens=3))
        assert short[-1]["choices"][0]["finish_reason"] == "length"
        whole = (await chat(client, user("Hello"), stream=False)).json()
        assert whole["choices"][0]["message"]["content"] == "You said: Hello"

    run(use)


def test_refusals_are_those_of_groq() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        async def code(response: httpx.Response) -> tuple[int, str]:
            return response.status_code, response.json()["error"].get("code", "")

        wrong = {"Authorization": "Bearer nonsense"}
        assert await code(await client.get("/models", headers=wrong)) == (401, "invalid_api_key")
        assert await code(await chat(client, user("Hi"), model="gpt-7")) == (404, "model_not_found")
        retired = await chat(client, user("Hi"), model="llama3-70b-8192")
        assert await code(retired) == (400, "model_decommissioned")
        assert await code(await client.post("/chat/completions", content=b"{")) == (400, "json_invalid")
        assert await code(await client.get("/nothing")) == (404, "unknown_url")
        assert (await chat(client)).status_code == 400
        assert (await chat(client, user("Hi"), reasoning_effort="none")).status_code == 400
        result = {"role": "tool", "tool_call_id": "call_1", "content": "x"}
        assert (await chat(client, user("Hi"), result)).status_code == 400
        models = (await client.get("/models")).json()["data"]
        assert [model["id"] for model in models] == list(groq.MODELS)
        assert (await client.get(f"/models/{MODEL}")).json()["id"] == MODEL

    run(use)


def test_tools_are_called_when_they_are_asked_for() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        asked = user('Use weather with {"city": "Ulm"}.')
        found = chunks(await chat(client, asked, tools=TOOLS))
        pieces = [d for c in found for d in c["choices"][0]["delta"].get("tool_calls", ())]
        assert "".join(piece["function"]["arguments"] for piece in pieces) == '{"city": "Ulm"}'
        assert len(pieces) == 4
        assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"
        call = {"id": pieces[0]["id"], "type": "function", "function": {"name": "weather", "arguments": "{}"}}
        called = {"role": "assistant", "content": None, "tool_calls": [call]}
        result = {"role": "tool", "tool_call_id": call["id"], "content": "Rain."}
        said = deltas(await chat(client, asked, called, result, tools=TOOLS))
        assert "".join(delta.get("content", "") for delta in said) == "The tool says: Rain."
        without = deltas(await chat(client, asked))
        assert not any("tool_calls" in delta for delta in without)

    run(use, groq.app(argument_chars=4))


def test_the_days_requests_can_be_used_up() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        assert (await chat(client, user("Hi"))).status_code == 200
        refused = await chat(client, user("Hi"))
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "6"
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert "try again in 6s" in refused.json()["error"]["message"]

    run(use, groq.app(requests_per_day=1))


def test_scripted_replies_and_reasoning() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        first = deltas(await chat(client, user("1")))
        assert [delta["reasoning"] for delta in first if "reasoning" in delta] == ["Well,", " well."]
        hidden = deltas(await chat(client, user("2"), include_reasoning=False))
        assert not any("reasoning" in delta for delta in hidden)
        raw = deltas(await chat(client, user("3"), reasoning_format="raw"))
        assert "".join(d.get("content", "") for d in raw).endswith("well.\n</think>\n\nTwo.")

    run(use, groq.app(replies=("One.", "Two."), reasoning="Well, well."))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=5)
    | st.sampled_from(["user", "tool", MODEL]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "tool_calls", "tool_call_id", "id", "function", "name", "arguments"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
BODY = st.fixed_dictionaries(
    {},
    optional={
        "model": st.just(MODEL) | JSON,
        "messages": st.lists(st.just(user("Hi")) | JSON, max_size=3) | JSON,
        "tools": st.just(TOOLS) | JSON,
        "stream": JSON,
        "max_tokens": JSON,
        "reasoning_effort": JSON,
    },
)


@settings(max_examples=200)
@given(st.binary(max_size=40) | (BODY | JSON).map(lambda data: json.dumps(data).encode()))
def test_any_request_is_answered(body: bytes) -> None:
    async def main() -> int:
        headers = {"authorization": "Bearer gsk_fake"}
        request = Request("POST", "/openai/v1/chat/completions", {}, headers, body)
        response = await groq.app()(request)
        if not isinstance(response.body, bytes):
            assert b"".join([chunk async for chunk in response.body]).endswith(b"[DONE]\n\n")
        return response.status

    assert asyncio.run(main()) in {200, 400, 404}
