"""Servers of the profile, the clock, and the page as people open it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.doctor.conftest import MakePatient
from tests.core.doctor.support import look_soon, only
from tests.support.certificate import self_signed

from voicebot.doctor import Finding
from voicebot.doctor.wall_clock import clock, server_time
from voicebot.testing.fakes import groq, opentts
from voicebot.testing.fakes.http import FakeServer, Request, Response


def _groq(url: str, **more: Any) -> dict[str, Any]:
    return {"use": "groq", "base_url": f"{url}/openai/v1", "api_key": "gsk_fake", **more}


def _engines(make_patient: MakePatient, sections: Callable[[str, str], dict[str, Any]]) -> list[Finding]:
    """Finds with a fake Groq and a fake OpenTTS there; gets their addresses."""

    async def main() -> list[Finding]:
        async with FakeServer(groq.app()) as llm, FakeServer(opentts.app()) as tts:
            return await look_soon("engines", make_patient(**sections(llm.url, tts.url)))

    return asyncio.run(main())


def _tts(url: str, voice: str = "espeak:en") -> dict[str, str]:
    return {"use": "opentts", "base_url": url, "voice": voice}


def test_servers_that_answer(make_patient: MakePatient) -> None:
    found = _engines(make_patient, lambda llm, tts: {"llm": _groq(llm), "tts": _tts(tts)})
    assert [finding.level for finding in found] == ["ok", "ok"]
    assert found[0].what.startswith("llm groq at http://127.0.0.1:")


def test_a_wrong_key(make_patient: MakePatient) -> None:
    wrong = "gsk_quite_another_key"
    finding = only(_engines(make_patient, lambda llm, _: {"llm": _groq(llm, api_key=wrong)}))
    assert finding.level == "fail"
    assert "401" in finding.what or "key" in finding.what.lower()
    assert wrong not in finding.what + finding.do
    assert finding.do


def test_a_retired_model(make_patient: MakePatient) -> None:
    finding = only(_engines(make_patient, lambda llm, _: {"llm": _groq(llm, model="llama-of-yesterday")}))
    assert finding.level == "fail"
    assert "llama-of-yesterday" in finding.what + finding.do


def test_a_voice_that_the_server_has_not(make_patient: MakePatient) -> None:
    finding = only(_engines(make_patient, lambda _, tts: {"tts": _tts(tts, "espeak:klingon")}))
    assert finding.level == "fail"
    assert "klingon" in finding.what + finding.do


def test_no_server(make_patient: MakePatient, unused_url: str) -> None:
    finding = only(_engines(make_patient, lambda *_: {"tts": _tts(unused_url)}))
    assert finding.level == "fail"
    assert unused_url in finding.what
    assert finding.do


def test_with_a_fallback_that_works_it_is_a_warning(make_patient: MakePatient, unused_url: str) -> None:
    found = _engines(make_patient, lambda llm, _: {"llm": [_groq(unused_url), _groq(llm)]})
    assert [finding.level for finding in found] == ["warn", "ok"]
    found = _engines(make_patient, lambda *_: {"tts": [_tts(unused_url), "demo"]})
    assert [finding.level for finding in found] == ["warn"]


def test_a_server_that_says_nothing(make_patient: MakePatient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.doctor.engines.LONGEST_S", 0.05)

    async def main() -> Finding:
        forever = asyncio.Event()

        async def silent(request: Request) -> Response:
            await forever.wait()
            return Response()

        async with FakeServer(silent) as server:
            finding = only(await look_soon("engines", make_patient(tts=_tts(server.url))))
            forever.set()
            return finding

    finding = asyncio.run(main())
    assert finding.level == "fail"
    assert "no answer within 0.05 s" in finding.what


@pytest.fixture
def unused_url() -> str:
    """An address at which nobody listens."""
    return "http://127.0.0.1:1"


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead_s", "level", "way"),
    [(0, "ok", ""), (20, "warn", "ahead of"), (-20, "warn", "behind"), (3600, "fail", "ahead of")],
)
def test_a_clock_that_is_wrong(make_patient: MakePatient, ahead_s: float, level: str, way: str) -> None:
    async def dated(request: Request) -> Response:
        return Response(404, {"Date": formatdate(time.time(), usegmt=True)})

    async def main() -> Finding:
        async with FakeServer(dated) as server:
            patient = make_patient(tts=_tts(server.url))
            return only(list(await clock(patient, lambda: time.time() + ahead_s)))

    finding = asyncio.run(main())
    assert finding.level == level
    assert way in finding.what
    assert ("timedatectl" in finding.do) == (level != "ok")


def test_no_server_no_clock(make_patient: MakePatient, unused_url: str) -> None:
    finding = only(asyncio.run(look_soon("clock", make_patient(tts=_tts(unused_url)))))
    assert finding.level == "ok"
    assert finding.what.startswith("nothing to compare")


@given(st.text(max_size=60) | st.from_regex(r"\w{3}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d \S{0,6}"))
def test_any_date_header_is_a_time_or_none(text: str) -> None:
    assert isinstance(server_time(text), float | None)


def test_a_date_is_read() -> None:
    assert server_time("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777


# --- the page ---------------------------------------------------------------------------------------------------------


async def _front(request: Request) -> Response:
    if request.path == "/healthz":
        return Response(200, {}, b"ok")
    if request.path == "/signal":
        return Response(200 if "upgrade" not in request.headers else 101, {"Upgrade": "websocket"})
    return Response(404)


def _page(make_patient: MakePatient, handler: Callable[[Request], Any], **server: Any) -> list[Finding]:
    async def main() -> list[Finding]:
        async with FakeServer(handler, **server) as front:
            return await look_soon("page", make_patient(front.url, transport="webrtc"))

    return asyncio.run(main())


def _instead(path: str, status: int, body: bytes = b"") -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        return Response(status, {}, body) if request.path == path else await _front(request)

    return answer


@pytest.mark.parametrize(
    ("path", "status", "level", "mend"),
    [
        ("/healthz", 502, "fail", "transport.port"),
        ("/signal", 403, "fail", "Host header"),
        ("/signal", 200, "fail", "WebSockets"),
        ("/signal", 404, "fail", "WebSockets"),
    ],
)
def test_a_proxy_that_is_wrong(
    make_patient: MakePatient, path: str, status: int, level: str, mend: str
) -> None:
    finding = next(found for found in _page(make_patient, _instead(path, status)) if found.level != "ok")
    assert finding.level == level
    assert mend in finding.do


def test_a_certificate_that_nobody_trusts(make_patient: MakePatient, tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    finding = only(_page(make_patient, _front, ssl_context=context))
    assert finding.level == "fail"
    assert "certificate" in finding.do


def test_nobody_there(make_patient: MakePatient) -> None:
    patient = make_patient("https://127.0.0.1:1", transport="webrtc")
    finding = only(asyncio.run(look_soon("page", patient)))
    assert finding.level == "fail"
    assert "DNS" in finding.do


@pytest.mark.parametrize(
    ("url", "transport", "level", "mend"),
    [
        ("http://voice.example.org", {"use": "webrtc"}, "fail", "certificate"),
        ("", {"use": "webrtc", "host": "0.0.0.0"}, "warn", "certificate"),
        (
            "",
            {"use": "mediasoup", "rtc": {"listen_ip": "0.0.0.0", "announced_address": "8.8.8.8"}},
            "warn",
            "--url",
        ),
        ("", {"use": "webrtc"}, "ok", ""),
    ],
)
def test_no_tls(
    make_patient: MakePatient, url: str, transport: dict[str, Any], level: str, mend: str
) -> None:
    finding = only(asyncio.run(look_soon("page", make_patient(url, transport=transport))))
    assert finding.level == level
    assert mend in finding.do
