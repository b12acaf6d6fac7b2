"""What a server answers, without a socket: any bytes give a value or an EngineError of one line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from voicebot.servers.failures import refusal, said
from voicebot.servers.models import check_model, model_ids

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\ud83d"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "detail", "type", "data", "id"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda data: json.dumps(data).encode())


@given(st.integers(300, 599), BODIES, st.text(max_size=30))
def test_any_refusal_is_an_error_of_one_line(status: int, body: bytes, retry_after: str) -> None:
    error = refusal(
        status,
        body,
        where="http://x/v1",
        model="m",
        what="chat completions",
        settings="`model`",
        has_key=True,
        key_variable="",
        retry_after=retry_after,
        secrets={"secret"},
    )
    assert error.message.isprintable()
    assert "secret" not in str(error)


@given(st.sampled_from(["error", "message", "detail"]), st.text(max_size=8), st.text(max_size=8))
def test_a_secret_is_never_quoted(key: str, before: str, after: str) -> None:
    body = json.dumps({key: f"{before}gsk-secret{after}"}).encode()
    assert "***" in said(body, {"gsk-secret"})
    assert "gsk-secret" not in said(body, {"gsk-secret"})


@given(BODIES)
def test_any_list_of_models(body: bytes) -> None:
    ids = model_ids(body)
    if ids is not None:
        check_model(ids[0], ids, "http://x/v1")
