"""Who may see the operator's page, and end a call there."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from voicebot.operating.guard import Guard
from voicebot.operating.settings import OperatorSettings

PASSWORD = "sixteen or more: é"
HERE = {"host": "127.0.0.1:8081"}
ORIGIN = {"origin": "http://127.0.0.1:8081"}


def basic(credentials: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


def status(method: str, headers: dict[str, str], *, password: str | None = None) -> int:
    guard = Guard(OperatorSettings(password=None if password is None else SecretStr(password)))
    refusal = guard.refusal(method, headers)
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (HERE, 200),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:8081"}, 200),
        ({}, 403),
        # A name that was made to point here, and a proxy without a password of its own.
        ({"host": "evil.example"}, 403),
        (HERE | {"x-forwarded-for": "203.0.113.7"}, 403),
        (HERE | {"via": "1.1 Caddy"}, 403),
        (HERE | {"forwarded": "for=203.0.113.7"}, 403),
    ],
)
def test_without_a_password_only_this_machine_asks(headers: dict[str, str], expected: int) -> None:
    assert status("GET", headers) == expected


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (basic(f"anybody:{PASSWORD}"), 200),
        (basic(f":{PASSWORD}"), 200),
        ({}, 401),
        (basic("anybody:"), 401),
        (basic("anybody"), 401),
        (basic(f"anybody:{PASSWORD} "), 401),
        (basic(f"anybody:{PASSWORD[:-1]}"), 401),
        ({"authorization": "Bearer " + basic(f"a:{PASSWORD}")["authorization"][6:]}, 401),
        ({"authorization": "Basic"}, 401),
        ({"authorization": "Basic =é="}, 401),
    ],
)
def test_with_one_whoever_knows_it(authorization: dict[str, str], expected: int) -> None:
    from_afar = {"host": "ops.example.org", "x-forwarded-for": "203.0.113.7"}
    assert status("GET", from_afar | authorization, password=PASSWORD) == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://127.0.0.1:8081", 200),
        ("https://127.0.0.1:8081", 200),
        ("", 403),
        ("null", 403),
        ("http://evil.example", 403),
        ("http://127.0.0.1:8080", 403),
        ("http://127.0.0.1:8081.evil.example", 403),
        ("http://[", 403),
        ("file://127.0.0.1:8081", 403),
    ],
)
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_only_its_own_page_changes_anything(origin: str, expected: int, password: str | None) -> None:
    headers = HERE | {"origin": origin} | basic(f"a:{PASSWORD}")
    assert status("POST", headers, password=password) == expected


@given(st.dictionaries(st.sampled_from(["host", "origin", "authorization", "via"]), st.text()))
def test_nothing_that_is_not_the_password_is(headers: dict[str, str]) -> None:
    assert status("POST", headers, password=PASSWORD) == 401


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"host": "::"}, {"password": "too short"}])
def test_a_page_that_anybody_could_open_is_none(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="password"):
        OperatorSettings.model_validate(settings)
    OperatorSettings(host="0.0.0.0", password=SecretStr(PASSWORD))
