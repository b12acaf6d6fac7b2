from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.access.addresses import Caller, Proxies, caller_key, is_loopback_host, is_loopback_name
from voicebot.access.door import Door, JoinRefused
from voicebot.access.limits import MOST_ADDRESSES, AddressLimits, TokenBucket
from voicebot.access.secrets import AccessError, call_secrets
from voicebot.access.settings import AccessLimits, AccessSettings
from voicebot.access.tokens import make_token

SECRET = "a secret of 32 bytes, or of more"
HERE = Caller("127.0.0.1", "")
STRANGER = Caller("192.0.2.1", "192.0.2.1")


def access(**settings: Any) -> AccessSettings:
    return AccessSettings.model_validate(settings)


def enter(
    door: Door,
    caller: Caller = STRANGER,
    token: str | None = None,
    *,
    host: str = "x",
    origin: str | None = None,
    now_s: float = 0,
    unix_s: float = 1000,
) -> str:
    try:
        grant = door.may_join(caller, host, origin, token, now_s=now_s, unix_s=unix_s)
        door.begin(caller, grant, unix_s)
    except JoinRefused as refused:
        return refused.reason
    return "in"


def token(**claims: Any) -> str:
    values: dict[str, Any] = {"audience": "voicebot", "now_s": 1000, "ttl_s": 60} | claims
    return make_token(SECRET.encode(), **values)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "talk.example.org", ""])
def test_a_front_for_strangers_says_who_may_call_or_does_not_start(host: str) -> None:
    with pytest.raises(AccessError) as refused:
        Door(access(), host)
    assert "access: {secret:" in refused.value.hint
    assert "access: {open: true}" in refused.value.hint
    assert enter(Door(access(open=True), host)) == "in"
    assert enter(Door(access(secret=SECRET), host)) == "missing"


@pytest.mark.parametrize(
    ("caller", "host", "outcome"),
    [
        (HERE, "localhost:8080", "in"),
        (HERE, "127.0.0.1", "in"),
        (HERE, "[::1]:8080", "in"),
        (HERE, "rebound.example:8080", "not_local"),
        (HERE, "", "not_local"),
        (Proxies([]).caller("127.0.0.1", "192.0.2.7"), "localhost", "not_local"),
        (Proxies([]).caller("127.0.0.1", via_proxy=True), "localhost", "not_local"),
        (Proxies(["127.0.0.1"]).caller("127.0.0.1", "192.0.2.7"), "localhost", "not_local"),
    ],
)
def test_without_a_secret_calls_are_for_this_machine_only(caller: Caller, host: str, outcome: str) -> None:
    assert enter(Door(access(), "127.0.0.1"), caller, host=host) == outcome


def test_with_a_secret_a_call_takes_a_token_even_on_this_machine() -> None:
    door = Door(access(secret=SECRET, max_call_s=600), "127.0.0.1")
    assert enter(door, HERE, host="localhost") == "missing"
    one = token(max_call_s=90)
    assert enter(door, HERE, one) == "in"
    assert enter(door, HERE, one) == "replayed"
    assert enter(door, HERE, token(), unix_s=2000) == "expired"
    assert enter(door, HERE, token(origin="https://a.example"), origin="https://b.example") == "wrong_origin"
    assert door.refused == {"missing": 1, "replayed": 1, "expired": 1, "wrong_origin": 1}


def test_the_longest_call_is_the_least_of_both() -> None:
    door = Door(access(secret=SECRET, max_call_s=600), "127.0.0.1")
    for said, longest in ((90, 90), (900, 600), (None, 600)):
        grant = door.may_join(HERE, "x", None, token(max_call_s=said), now_s=0, unix_s=1000)
        assert door.longest_call_s(grant) == longest
    assert Door(access(max_call_s=None), "127.0.0.1").longest_call_s(None) is None


def test_an_address_may_hold_so_many_calls_and_try_so_often() -> None:
    door = Door(access(open=True, limits={"calls_per_address": 2, "joins_per_minute": 10}), "0.0.0.0")
    outcomes = [enter(door) for _ in range(7)]
    assert outcomes == ["in"] * 2 + ["too_many_calls"] * 3 + ["too_many_joins"] * 2
    door.call_over(STRANGER)
    assert enter(door, now_s=6) == "in"
    assert enter(door, Caller("192.0.2.2", "192.0.2.2")) == "in"
    assert {enter(door, HERE) for _ in range(50)} == {"in"}


def test_a_refused_token_costs_no_place() -> None:
    door = Door(access(secret=SECRET, limits={"calls_per_address": 1}), "0.0.0.0")
    grant = door.may_join(STRANGER, "x", None, token(token_id="one"), now_s=0, unix_s=1000)
    door.begin(STRANGER, grant, 1000)
    door.call_over(STRANGER)
    with pytest.raises(JoinRefused, match="replayed"):
        door.begin(STRANGER, grant, 1000)
    assert enter(door, STRANGER, token()) == "in"


def test_both_secrets_are_taken_and_from_a_file_too(tmp_path: Path) -> None:
    old = "the secret before, of 32 bytes or more"
    file = tmp_path / "secrets"
    file.write_text(f"{SECRET}\n{old}\n")
    for settings in (
        access(secret=SECRET, previous_secret=old),
        access(secret_file="secrets"),
        access(secret_file=str(file)),
    ):
        assert call_secrets(settings, tmp_path) == (SECRET.encode(), old.encode())
        door = Door(settings, "0.0.0.0", tmp_path)
        made = [
            make_token(secret.encode(), audience="voicebot", now_s=1000, ttl_s=60) for secret in (SECRET, old)
        ]
        assert [enter(door, STRANGER, one) for one in made] == ["in", "in"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"short\n", b"x" * 31, b"a\nb\nc\n", b"\xff" * 40, None])
def test_a_secret_that_cannot_be_used_is_an_error_that_does_not_show_it(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "secrets"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AccessError) as refused:
        call_secrets(access(secret_file=str(file)))
    assert str(file) in refused.value.message
    assert "openssl rand -hex 32" in refused.value.hint
    with pytest.raises(AccessError, match="too short") as short:
        call_secrets(access(secret="hunter2"))
    assert "hunter2" not in str(short.value)
    assert SECRET not in repr(access(secret=SECRET))


@pytest.mark.parametrize(
    "wrong",
    [
        {"previous_secret": SECRET},
        {"secret": SECRET, "secret_file": "x"},
        {"trusted_proxies": ["nowhere"]},
        {"trusted_proxies": ["10.0.0.0/99"]},
        {"limits": {"sockets": 0}},
        {"max_call_s": True},
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        access(**wrong)


# --- addresses ------------------------------------------------------------------------------------------------------

PROXIES = Proxies(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("203.0.113.9", "1.2.3.4", Caller("203.0.113.9", "203.0.113.9", True, unknown_proxy=True)),
        ("203.0.113.9", "", Caller("203.0.113.9", "203.0.113.9")),
        ("10.1.1.1", "1.2.3.4", Caller("1.2.3.4", "1.2.3.4", True)),
        ("::ffff:10.1.1.1", "6.6.6.6, 1.2.3.4", Caller("1.2.3.4", "1.2.3.4", True)),
        ("10.1.1.1", "1.2.3.4, 10.2.2.2", Caller("1.2.3.4", "1.2.3.4", True)),
        ("10.1.1.1", "1.2.3.4:5678", Caller("1.2.3.4", "1.2.3.4", True)),
        ("::1", "[2001:db8:1:2:3::4]:5678", Caller("2001:db8:1:2:3::4", "2001:db8:1:2::/64", True)),
        ("10.1.1.1", "unknown", Caller("10.1.1.1", "10.1.1.1", True)),
        ("10.1.1.1", "", Caller("10.1.1.1", "")),
        ("127.0.0.1", "", Caller("127.0.0.1", "")),
        ("127.0.0.1", "1.2.3.4", Caller("127.0.0.1", "127.0.0.1", True, unknown_proxy=True)),
        ("", "", Caller("", "")),
    ],
)
def test_the_caller_behind_proxies(peer: str, forwarded: str, caller: Caller) -> None:
    assert PROXIES.caller(peer, forwarded) == caller


@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_headers_say_a_caller_has_an_address(forwarded: str, host: str) -> None:
    caller = PROXIES.caller("10.1.1.1", forwarded)
    assert caller.address
    assert len(caller.key) <= 64
    is_loopback_name(host)


@given(
    st.ip_addresses(v=4), st.lists(st.ip_addresses(v=4), max_size=3), st.text("0123456789., ", max_size=40)
)
def test_what_a_caller_says_of_itself_does_not_matter(real: Any, proxies: list[Any], said: str) -> None:
    chain = Proxies(["10.0.0.0/8", *map(str, proxies)])
    if chain.trusts(real):
        return
    header = ", ".join([said, str(real), *map(str, proxies)])
    assert chain.caller("10.0.0.1", header).address == str(real)


def test_names_and_addresses_of_this_machine() -> None:
    for name in (
        "localhost",
        "LOCALHOST:8080",
        "a.localhost:1",
        "127.0.0.1",
        "127.9.9.9:80",
        "[::1]:80",
        "[::1]",
    ):
        assert is_loopback_name(name), name
    for name in (
        "",
        "x",
        "localhost.example:80",
        "0.0.0.0",
        "127.example",
        "[::]:80",
        "192.0.2.1:80",
        "[",
        ":",
    ):
        assert not is_loopback_name(name), name
    assert is_loopback_host("::1")
    assert is_loopback_host("127.0.0.1")
    assert not is_loopback_host("::")
    assert caller_key("2001:db8:0:1:ffff:ffff:ffff:ffff") == "2001:db8:0:1::/64"
    assert caller_key("fe80::1%eth0") == "fe80::/64"


# --- limits ---------------------------------------------------------------------------------------------------------


def test_rates_are_remembered_of_so_many_addresses_and_held_things_are_given_back() -> None:
    limits = AddressLimits(AccessLimits(requests_per_s=2, sockets=3, sockets_per_address=2))
    assert sum(limits.request("a", 0) for _ in range(100)) == 10
    assert limits.request("a", 0.5)
    assert not limits.request("a", 0.5)
    assert limits.request("", 0), "no limit of its own"
    for number in range(MOST_ADDRESSES):
        limits.request(str(number), 0.5)
    assert limits.request("a", 0.5), "forgotten: so many others came"
    assert [limits.socket(key) for key in "bbbcd"] == [True, True, False, True, False]
    limits.socket_over("b")
    assert limits.socket("b")


@given(st.lists(st.floats(0, 3), max_size=80), st.floats(0.5, 20), st.floats(1, 30))
def test_a_bucket_lets_through_no_more_than_its_rate(pauses: list[float], per_s: float, burst: float) -> None:
    bucket, now_s, passed = TokenBucket(per_s, burst, 0), 0.0, 0
    for pause in pauses:
        now_s += pause
        passed += bucket.take(now_s)
        assert passed <= burst + per_s * now_s + 1e-6


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["", "a", "b", "c"])), max_size=80))
def test_what_is_held_is_counted(steps: list[tuple[bool, str]]) -> None:
    limits, held = AddressLimits(AccessLimits(sockets=5, sockets_per_address=2)), list[str]()
    for takes, key in steps:
        if takes:
            expected = len(held) < 5 and (not key or held.count(key) < 2)
            assert limits.socket(key) == expected
            held += [key] if expected else []
        elif key in held:
            held.remove(key)
            limits.socket_over(key)
