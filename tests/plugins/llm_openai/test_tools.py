"""Tool calls: how they are assembled, and what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.llm_openai.support import QUESTION, Peer, Request, Server, run

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, LLMEvent, TextDelta, TokenUsage, ToolCall, ToolSpec
from voicebot_llm_openai import OpenAILLM
from voicebot_llm_openai.answer import AnswerReader
from voicebot_llm_openai.tools import CallReader, message_json

WEATHER = ToolSpec(
    "weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}}
)


def piece(index: object = None, ident: str = "", name: str = "", arguments: object = "") -> dict[str, Any]:
    data: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    return data | ({"index": index} if index is not None else {}) | ({"id": ident} if ident else {})


def calls(*pieces: dict[str, Any]) -> list[ToolCall]:
    reader = CallReader()
    for each in pieces:
        reader.feed([each])
    assert reader.begun
    return list(reader.take())


def read(*chunks: object, done: bool = True) -> list[LLMEvent]:
    reader = AnswerReader()
    data = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + (
        "data: [DONE]\n\n" if done else ""
    )
    return [*reader.feed(data.encode()), *reader.end()]


def delta(finish_reason: str | None = None, **fields: object) -> dict[str, Any]:
    return {"choices": [{"delta": fields, "finish_reason": finish_reason}]}


A, B = ToolCall("a", "weather", '{"city": "Ulm"}'), ToolCall("b", "time", "{}")


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, "a", "weather", '{"ci'), piece(0, arguments='ty": "Ulm"}'), piece(1, "b", "time", "{}")],
        [
            piece(0, "a", "weather"),
            piece(1, "b", "time"),
            piece(0, arguments=A.arguments),
            piece(1, arguments="{}"),
        ],
        [piece(None, "a", "weather", A.arguments), piece(None, "b", "time", "{}")],
        [piece(0, "a", "weather", A.arguments), piece(0, "b", "time", "{}")],
        [piece(0, "a", "weather", '{"city": '), piece(0, "a", "weather", '"Ulm"}'), piece(1, "b", "time")],
        [piece(0, "a", "weather", {"city": "Ulm"}), piece(1, "b", "time", {})],
    ],
)
def test_however_servers_send_them(pieces: list[dict[str, Any]]) -> None:
    assert calls(*pieces) == [A, B]


def test_calls_without_ids_get_some() -> None:
    found = calls(piece(name="weather", arguments=A.arguments), piece(name="time"), piece(arguments="{}"))
    assert [(call.name, call.arguments) for call in found] == [("weather", A.arguments), ("time", "{}")]
    assert found[0].id != found[1].id


def test_calls_come_after_the_text_and_before_the_usage() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    events = read(
        delta(content="One moment."),
        delta(tool_calls=[piece(0, "a", "weather", A.arguments)]),
        delta("tool_calls"),
        usage,
    )
    assert events == [TextDelta("One moment."), A, TokenUsage(3, 2)]


def test_a_call_that_was_cut_off_is_not_told() -> None:
    reader = AnswerReader()
    begun = delta(tool_calls=[piece(0, "a", "weather", '{"city"')])
    told = list(reader.feed(f"data: {json.dumps(begun)}\n\n".encode()))
    with pytest.raises(EngineError) as caught:
        told += reader.end()
    assert caught.value.retryable
    assert told == []


def test_calls_without_end_or_name_are_errors() -> None:
    with pytest.raises(EngineError, match="without a name"):
        calls(piece(0, "a", arguments="{}"))
    for endless in (
        [piece(index, name="weather") for index in range(100)],
        [piece(0, name="weather", arguments="x" * 40_000)] * 100,
    ):
        with pytest.raises(EngineError, match="without end"):
            CallReader().feed(endless)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["index", "id", "function", "name", "arguments"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(
    st.lists(
        JSON | st.lists(st.fixed_dictionaries({"index": JSON, "function": JSON}), max_size=3), max_size=5
    )
)
def test_any_pieces(pieces: list[Any]) -> None:
    reader = CallReader()
    try:
        for each in pieces:
            reader.feed(each)
        found = reader.take()
    except EngineError:
        return
    assert all(call.id and call.name and call.arguments for call in found)
    assert bool(found) == reader.begun


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=20)), min_size=1, max_size=4),
    st.integers(1, 7),
)
def test_every_piece_arrives(whole: list[tuple[str, str]], size: int) -> None:
    pieces = []
    for index, (name, arguments) in enumerate(whole):
        pieces.append(piece(index, f"id{index}", name, arguments[:size]))
        pieces += [
            piece(index, arguments=arguments[at : at + size]) for at in range(size, len(arguments), size)
        ]
    assert calls(*pieces) == [ToolCall(f"id{i}", name, text or "{}") for i, (name, text) in enumerate(whole)]


def test_what_is_sent() -> None:
    async def chat(request: Request, peer: Peer) -> None:
        peer.begin()
        peer.chunk(delta(tool_calls=[piece(0, "b", "time", "{}")]))
        peer.chunk(delta("tool_calls"))
        peer.raw(b"data: [DONE]\n\n")
        peer.end()

    async def use(llm: OpenAILLM, server: Server) -> None:
        messages = [
            *QUESTION,
            ChatMessage("assistant", "", (A,)),
            ChatMessage("tool", "Sunny.", tool_call_id="a"),
        ]
        assert [event async for event in llm.generate(messages, [WEATHER])] == [B]
        (request,) = server.chats
        assert request.json["tools"] == [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "Tells the weather.",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
            }
        ]
        assert request.json["messages"][2:] == [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "weather", "arguments": A.arguments}}
                ],
            },
            {"role": "tool", "content": "Sunny.", "tool_call_id": "a"},
        ]

    run(chat, use)


def test_arguments_that_are_no_json_are_not_sent_back() -> None:
    for arguments in ("{", "", "[1]", "null", "[" * 100_000):
        message = ChatMessage("assistant", "Hm.", (ToolCall("a", "weather", arguments),))
        data = message_json(message)
        assert data["tool_calls"][0]["function"]["arguments"] == "{}"
        assert data["content"] == "Hm."
