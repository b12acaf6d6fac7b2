"""The readers of outside bytes, without a socket: any bytes give events or an EngineError."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.interfaces import LLMEvent, TextDelta, TokenUsage
from voicebot_llm_openai.answer import AnswerReader
from voicebot_llm_openai.failures import in_stream
from voicebot_llm_openai.sse import EventReader

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\ud83d"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["choices", "delta", "content", "usage", "error", "code", "message", "finish_reason",
                         "prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
PIECES = st.sampled_from(
    [
        b"data",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\n\n",
        b"\r\n\r\n",
        b"data: ",
        b"[DONE]",
        b"{}",
        b"\xef\xbb\xbf",
        b"\xff",
        b": note",
    ]
)


def read(pieces: Iterable[bytes]) -> tuple[list[LLMEvent], str]:
    """The events, and what kind of error ended them."""
    reader = AnswerReader()
    events: list[LLMEvent] = []
    try:
        for piece in pieces:
            events.extend(reader.feed(piece))
        events.extend(reader.end())
    except EngineError as error:
        return events, str(error)
    return events, ""


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(st.binary(max_size=300) | st.lists(PIECES, max_size=40).map(b"".join), st.lists(st.integers(0, 400)))
def test_any_bytes_however_they_are_cut(data: bytes, places: list[int]) -> None:
    def events(pieces: Iterable[bytes]) -> tuple[list[str], bool]:
        reader = EventReader()
        found: list[str] = []
        try:
            for piece in pieces:
                found.extend(reader.feed(piece))
            found.extend(reader.end())
        except EngineError:
            return found, True
        return found, False

    assert events(cut(data, places)) == events([data])
    read(cut(data, places))


@given(st.lists(JSON, max_size=4), st.lists(st.integers(0, 400), max_size=5))
def test_any_json(chunks: list[object], places: list[int]) -> None:
    data = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
    events, error = read(cut(data, places))
    assert str((events, error)) == str(read([data]))  # NaN is not itself
    error.encode()
    for event in events:
        assert not isinstance(event, TextDelta) or event.text.encode()


def test_half_a_character_is_left_out() -> None:
    chunks = [{"choices": [{"delta": {"content": text}}]} for text in ("Hi \ud83d", "\ude00", "\ufffd!\0")]
    data = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
    assert read([data, b"data: [DONE]\n\n"]) == ([TextDelta("Hi "), TextDelta("!")], "")


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd"), min_size=1), min_size=1
    ).filter(lambda texts: not "".join(texts).isspace()),
    st.sampled_from(["\n", "\r", "\r\n"]),
    st.lists(st.integers(0, 4000)),
)
def test_every_text_arrives(texts: list[str], newline: str, places: list[int]) -> None:
    lines = [": comment"]
    for text in texts:
        chunk = json.dumps({"choices": [{"delta": {"content": text}}]}, ensure_ascii=False)
        lines += ["event: message", f"data:{chunk}", ""]
    lines += [
        'data: {"choices": [],',
        'data:  "usage": {"prompt_tokens": 3, "completion_tokens": 2,',
        'data: "prompt_tokens_details": {"cached_tokens": 1}}}',
        "",
        "data: [DONE]",
        "",
        "",
    ]
    events, error = read(cut(newline.join(lines).encode(), places))
    assert error == ""
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "".join(texts)
    assert events[-1] == TokenUsage(3, 2, 1)


@given(JSON)
def test_any_error_inside_a_stream(error: object) -> None:
    assert in_stream(error, ()).message.startswith("The language model's server failed")
