from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.access.door import Door
from voicebot.access.replay import ReplayCache
from voicebot.access.secrets import AccessError
from voicebot.access.settings import AccessSettings
from voicebot.access.tokens import CallGrant, TokenRefused, TokenVerifier, make_token
from voicebot.access.used import UsedTokens

# The SFU's tests read the same file.
DATA = json.loads((Path(__file__).parent / "token_cases.json").read_text(encoding="utf-8"))
SECRETS = {name: secret.encode() for name, secret in DATA["settings"]["secrets"].items()}
SECRET = SECRETS["current"]


def verifier(remembered: int = 100) -> TokenVerifier:
    return TokenVerifier(
        (SECRET, SECRETS["previous"]), audience="voicebot", max_ttl_s=3600, leeway_s=5, remembered=remembered
    )


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: Any, claims: str, key: str) -> str:
    """By hand: a library would refuse most of what is wrong here."""
    text = f"{b64(json.dumps(header).encode())}.{b64(claims.encode())}"
    if key == "none":
        return f"{text}."
    return f"{text}.{b64(hmac.digest(SECRETS[key], text.encode(), hashlib.sha256))}"


def token_of(case: dict[str, Any]) -> str:
    case = DATA["defaults"] | case
    if "token" in case:
        return str(case["token"])
    token = signed(case["header"], case.get("claims_text") or json.dumps(case["claims"]), case["key"])
    if "tampered" in case:
        header, _, signature = token.split(".")
        return f"{header}.{b64(json.dumps(case['tampered']).encode())}.{signature}"
    return token


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["name"])
def test_what_is_made_of_a_token(case: dict[str, Any]) -> None:
    now_s = case.get("now_s", DATA["defaults"]["now_s"])
    try:
        verifier().verify(token_of(case), now_s, case.get("origin"))
        outcome = "ok"
    except TokenRefused as refused:
        outcome = refused.reason
    assert outcome == case["expect"]


def test_the_cases_hold_every_reason_but_those_of_use() -> None:
    assert {case["expect"] for case in DATA["cases"]} == {
        "ok",
        "missing",
        "malformed",
        "forged",
        "wrong_audience",
        "expired",
        "not_yet",
        "too_long",
        "wrong_origin",
    }


def test_a_token_is_good_once() -> None:
    door = verifier()
    token = make_token(SECRET, audience="voicebot", now_s=1000.7, ttl_s=60, label="Ann", max_call_s=90)
    grant = door.verify(token, 1001)
    assert (grant.label, grant.max_call_s, grant.expires_s) == ("Ann", 90, 1065)
    assert door.verify(token, 1001) == grant, "looking at it does not use it up"
    door.use(grant, 1001)
    for attempt in (lambda: door.verify(token, 1002), lambda: door.use(grant, 1002)):
        with pytest.raises(TokenRefused) as refused:
            attempt()
        assert refused.value.reason == "replayed"
    with pytest.raises(TokenRefused, match="expired"):
        door.verify(token, 1065)


def test_no_more_tokens_are_taken_than_are_remembered_and_expired_ones_make_room() -> None:
    door = verifier(remembered=2)
    for name in ("a", "b"):
        door.use(CallGrant(name, 1065), 1000)
    with pytest.raises(TokenRefused, match="too_many"):
        door.use(CallGrant("c", 1065), 1064)
    door.use(CallGrant("c", 1200), 1065)
    assert len(door.used) == 1


def test_what_the_library_itself_makes_is_taken() -> None:
    claims = DATA["defaults"]["claims"]
    assert verifier().verify(jwt.encode(claims, SECRET, "HS256"), 1001).token_id == claims["jti"]
    with pytest.raises(TokenRefused, match="forged"):
        verifier().verify(jwt.encode(claims, SECRET + b"!", "HS256"), 1001)


@given(
    st.one_of(
        st.text(max_size=300),
        st.binary(max_size=300).map(lambda data: data.decode("latin-1")),
        st.lists(st.binary(max_size=100).map(b64), min_size=1, max_size=4).map(".".join),
        st.integers(1, 700).map(lambda depth: f"{b64(b'[' * depth)}.{b64(b'{}')}.{b64(b'x')}"),
    )
)
def test_no_strangers_text_is_good_or_breaks_it(text: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        verifier().verify(text, 1001)
    assert refused.value.reason in ("missing", "malformed", "forged")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["aud", "iat", "exp", "nbf", "jti", "sub", "origin", "max_call_s"]), _json
    )
)
def test_signed_claims_of_any_form_are_a_grant_or_a_refusal(claims: dict[str, Any]) -> None:
    token = signed({"alg": "HS256"}, json.dumps(DATA["defaults"]["claims"] | claims), "current")
    try:
        grant = verifier().verify(token, 1001, "https://shop.example")
    except TokenRefused:
        return
    assert 0 < len(grant.token_id) <= 200
    assert grant.expires_s > 1001
    assert grant.max_call_s is None or 1 <= grant.max_call_s <= 604_800


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_bit_of_a_token_can_be_changed(position: int, bit: int) -> None:
    token = token_of({})
    position %= len(token)
    changed = token[:position] + chr(ord(token[position]) ^ 1 << bit) + token[position + 1 :]
    with pytest.raises(TokenRefused) as refused:
        verifier().verify(changed, 1001)
    assert refused.value.reason in ("malformed", "forged")


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 100), st.floats(0, 100)), max_size=60))
def test_the_replay_cache_keeps_every_id_for_its_time_and_never_too_many(
    steps: list[tuple[int, float, float]],
) -> None:
    cache, now_s, known = ReplayCache(5), 0.0, dict[str, float]()
    for number, lasts_s, passes_s in steps:
        now_s += passes_s / 10
        known = {name: until_s for name, until_s in known.items() if until_s > now_s}
        name, until_s = str(number), now_s + lasts_s
        added = cache.add(name, until_s, now_s)
        assert added == (name not in known and len(known) < 5)
        if added:
            known[name] = until_s
        assert len(cache) <= 5
        assert all(one in cache for one in known)


def test_with_a_folder_a_token_is_good_once_whatever_is_restarted(tmp_path: Path) -> None:
    def front(folder: Path = tmp_path) -> TokenVerifier:
        return TokenVerifier((SECRET,), audience="voicebot", max_ttl_s=3600, leeway_s=5, folder=folder)

    now_s = time.time()
    token = make_token(SECRET, audience="voicebot", now_s=now_s, ttl_s=60, token_id="../\ud800")
    first, other = front(), front()
    grant = other.verify(token, now_s)
    first.use(first.verify(token, now_s), now_s)
    for attempt in (
        lambda: other.use(grant, now_s),  # it was looked at before
        lambda: front().verify(token, now_s),
    ):
        with pytest.raises(TokenRefused, match="replayed"):
            attempt()
    assert [(path.stat().st_size, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [(0, 0o600)]


def test_of_used_tokens_those_are_deleted_that_have_expired_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "somebody's").touch()
    os.utime(tmp_path / "somebody's", (0, 0))
    used, now_s = UsedTokens(tmp_path, 100), time.time()
    assert used.add("a", now_s)
    assert used.add("b", now_s + 95)
    assert "a" in used
    assert not used.add("a", now_s + 99)
    assert used.add("c", now_s + 110)
    assert ["a" in used, "c" in used, len(list(tmp_path.iterdir()))] == [False, False, 1]


def test_where_used_tokens_cannot_be_written_memory_has_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door = TokenVerifier((SECRET,), audience="voicebot", max_ttl_s=60, leeway_s=5, folder=tmp_path / "gone")
    door.use(CallGrant("a", 1065), 1000)
    with pytest.raises(TokenRefused, match="replayed"):
        door.use(CallGrant("a", 1065), 1000)
    assert "a used call token cannot be written" in caplog.text


def test_a_folder_that_cannot_be_made_is_said_before_the_first_call(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = AccessSettings.model_validate({"secret": SECRET.decode(), "used_tokens": "file/tokens"})
    with pytest.raises(AccessError, match=r"access\.used_tokens"):
        Door(settings, "127.0.0.1", tmp_path).prepare()
    Door(AccessSettings(), "127.0.0.1").prepare()
