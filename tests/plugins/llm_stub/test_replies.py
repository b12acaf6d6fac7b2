from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot_llm_stub.replies import LONG, SHORT, reply_to, tokens
from voicebot_llm_stub.server import BadRequest, Settings, read_request, schedule


def sentences(text: str) -> int:
    return len(re.findall(r"[.?!](?: |$)", text))


@pytest.mark.parametrize("reply", SHORT)
def test_short_replies_are_short(reply: str) -> None:
    assert 8 <= len(reply.split()) <= 20
    assert sentences(reply) <= 2


@pytest.mark.parametrize("reply", LONG)
def test_long_replies_take_a_while_to_say(reply: str) -> None:
    assert 6 <= sentences(reply) <= 8
    assert len(reply.split()) > 100  # nobody says seven words a second


def test_each_reply_is_somebodys() -> None:
    assert {reply_to(f"Question {number}") for number in range(500)} == set(SHORT)
    assert {reply_to(f"Tell me a story, {number}") for number in range(200)} == set(LONG)


@pytest.mark.parametrize(
    "text", ["Tell me a STORY.", "explain it", "I want to know everything!", "Tell me all about it"]
)
def test_some_words_ask_for_a_long_reply(text: str) -> None:
    assert reply_to(text) in LONG


def test_parts_of_other_words_do_not() -> None:
    assert reply_to("The third storyteller, unexplained") in SHORT


def test_own_replies_replace_ours() -> None:
    assert {reply_to(f"story {number}", ["a b", "c"]) for number in range(50)} == {"a b", "c"}


@given(st.text())
def test_the_same_words_get_the_same_reply(text: str) -> None:
    assert reply_to(text) == reply_to(f" {text}?!") == reply_to(text)


@given(st.text(min_size=1).map(str.strip).filter(bool))
def test_tokens_are_the_reply(reply: str) -> None:
    assert "".join(tokens(reply)) == reply


@given(st.floats(0, 500), st.floats(1, 1000), st.floats(0, 50), st.integers(0, 3), st.integers(0, 9))
def test_tokens_are_never_early_nor_later_than_the_jitter(
    ttft_ms: float, per_s: float, jitter_ms: float, seed: int, number: int
) -> None:
    settings = Settings(ttft_ms, per_s, jitter_ms, seed)
    due = list(itertools.islice(schedule(settings, number), 200))
    assert due == list(itertools.islice(schedule(settings, number), 200))
    assert due == sorted(due)
    for index, at_s in enumerate(due):
        late_s = at_s - (ttft_ms / 1000 + index / per_s)
        assert -1e-9 <= late_s <= jitter_ms / 1000 + 1e-9


def test_jitter_differs_between_requests() -> None:
    settings = Settings(jitter_ms=30)
    assert len({next(schedule(settings, number)) for number in range(20)}) == 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["stream", "messages", "content", "role", "max_tokens", "stream_options"]), inner
        )
    ),
    max_leaves=10,
)


@given(st.binary(max_size=100) | JSON.map(lambda data: json.dumps(data).encode()))
def test_any_body_is_a_request_or_a_bad_one(body: bytes) -> None:
    try:
        request = read_request(body)
    except BadRequest:
        return
    assert request.messages
    assert request.max_tokens is None or request.max_tokens > 0
