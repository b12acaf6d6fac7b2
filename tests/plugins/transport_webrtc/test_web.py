"""What a browser, a load balancer and a monitor see of the front; and what the package does not load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver
from prometheus_client.parser import text_string_to_metric_families
from tests.plugins.transport_webrtc.support import run, running_front, worker

from voicebot.errors import EngineError
from voicebot.health import EngineHealth
from voicebot.supervising.operations import Operations
from voicebot_transport_webrtc import WebRtcTransport
from voicebot_transport_webrtc.front.web import HEADERS, page_files
from voicebot_transport_webrtc.raw_rtp import SilentTrack, receive_raw


def test_the_page_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"/index.html": b"<!doctype html>", "/page.js": b"let x", "/sub/icon.svg": b"<svg/>"}
    monkeypatch.setattr("voicebot_transport_webrtc.front.serve.page_files", lambda: files)

    async def main() -> None:
        async with running_front(tmp_path) as front, aiohttp.ClientSession() as session:
            for path, name, kind in (
                ("", "/index.html", "text/html; charset=utf-8"),
                ("index.html", "/index.html", "text/html; charset=utf-8"),
                ("page.js", "/page.js", "text/javascript; charset=utf-8"),
                ("sub/icon.svg", "/sub/icon.svg", "image/svg+xml"),
            ):
                async with session.get(front.url + path) as response:
                    assert (response.status, await response.read()) == (200, files[name])
                    assert response.headers["Content-Type"] == kind
                    assert {name: response.headers[name] for name in HEADERS} == HEADERS
            for path in ("nothing", "sub", "%2e%2e/pyproject.toml", "sub/..%2f..%2fetc/passwd"):
                assert (await front.get(path))[0] == 404
            async with session.post(front.url) as response:
                assert response.status == 405
            async with session.get(front.url + "signal") as response:
                assert response.status == 400  # it is no WebSocket
            async with session.get(front.url + "metrics") as response:
                assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                assert "voicebot_calls_active 0\n" in await response.text()

    run(main())


def test_a_page_that_is_not_built_is_said_and_calls_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("voicebot_transport_webrtc.front.serve.page_files", dict)

    async def main() -> None:
        async with running_front(tmp_path) as front:
            status, text = await front.get("")
            assert (status, "not built" in text) == (404, True)
            assert (await front.get("healthz")) == (200, "ok")
            assert (await front.get("readyz")) == (503, "no call worker is there")

    run(main())
    assert "the page is not built" in caplog.text


def test_operators_are_shown_the_engines_and_a_kind_of_which_none_works(tmp_path: Path) -> None:
    operations = Operations()
    down = EngineHealth("llm", "groq", "broken", "open", "it cannot be reached")
    stands_in = EngineHealth("llm", "llamacpp", "ready", warmup_ms=900.0)

    async def main() -> None:
        async with running_front(tmp_path, operations) as front:
            operations.healthy(0, [down])
            reason = "no llm engine works: groq: it cannot be reached"
            assert await front.get("readyz") == (503, f"{reason}\nllm groq: it cannot be reached")
            operations.healthy(0, [down, stands_in])
            assert (await front.get("readyz"))[1].startswith("no call worker is there")
            operations.warm(0)
            async with worker(front):
                await front.ready()
                assert await front.get("readyz") == (200, "ok\nllm groq: it cannot be reached")
                status, text = await front.get("readyz?verbose")
                details = {"ready": True, "reason": "ok", "engines": operations.engines()}
                assert (status, json.loads(text)) == (200, details)
                accept = {"Accept": "application/json"}
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(front.url + "readyz", headers=accept) as response,
                ):
                    assert await response.json() == details
                # A worker that would take the call does not help: nobody could answer.
                operations.healthy(0, [down])
                assert (await front.get("readyz"))[0] == 503
                assert json.loads((await front.get("readyz?verbose"))[1])["reason"] == reason
                families = text_string_to_metric_families((await front.get("metrics"))[1])
                names = [family.name for family in families]
                assert len(names) == len(set(names))
                assert {"voicebot_calls_active", "voicebot_engines", "voicebot_hop_seconds"} <= set(names)

    run(main())


def test_the_built_page_is_found() -> None:
    files = page_files()
    assert all(path.startswith("/") for path in files)
    assert b"<script" in files["/index.html"]


def test_the_package_and_its_front_do_not_load_what_they_do_not_need() -> None:
    code = (
        "import sys, voicebot_transport_webrtc as package\n"
        "assert package.WebRtcTransport.capabilities.extra == 'webrtc'\n"
        "assert not {'aiortc', 'aiohttp', 'av', 'opuslib_next'} & set(sys.modules)\n"
        "import voicebot_transport_webrtc.front.serve\n"
        "assert not {'aiortc', 'av', 'opuslib_next'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert set(WebRtcTransport.capabilities.modules) == {"aiortc", "aiohttp", "opuslib_next"}


def test_an_aiortc_of_another_build_is_a_clear_error() -> None:
    async def main() -> None:
        connection = RTCPeerConnection()
        receiver: RTCRtpReceiver = connection.addTransceiver(SilentTrack()).receiver
        del receiver._RTCRtpReceiver__jitter_buffer  # type: ignore[attr-defined]
        with pytest.raises(EngineError, match=r"aiortc [0-9.]+ has no .*jitter_buffer.*\n.*pip install"):
            receive_raw(receiver, lambda _: None)
        await connection.close()

    run(main())
