"""The harness itself, on a page that sends its microphone to itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import Page
from tests.browser.support.chromium import chromium, find_chromium
from tests.browser.support.hearing import listener, loudness_db, spoken_parts, word_error_rate
from tests.browser.support.microphone import QUESTION, QUESTION_TEXT, microphone_file
from tests.browser.support.processes import all_gone, descendants, marked
from tests.browser.support.recording import recordings, stats

from voicebot.models import ModelStore

HERE = Path(__file__).parent


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@asynccontextmanager
async def _page_server() -> AsyncIterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(HERE))) as server:
        serving = asyncio.create_task(asyncio.to_thread(server.serve_forever, 0.05))
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/loop.html"
        finally:
            server.shutdown()
            await serving


async def _sound_is_over(page: Page, seconds: float) -> None:
    """Wait until so much has been heard since the beginning."""
    await page.wait_for_function(
        "seconds => __harness.received.some(r => r.samples > seconds * r.rate)", arg=seconds, timeout=60_000
    )


@pytest.mark.engine
def test_what_the_microphone_says_is_heard_recorded_and_understood(
    tmp_path: Path, model_store: ModelStore
) -> None:
    async def main() -> None:
        file = microphone_file(tmp_path / "said.wav", 1.5, QUESTION)
        async with _page_server() as url, chromium(file) as browser:
            page = await browser.open(url)
            await page.click("#go")
            await _sound_is_over(page, 6)
            [heard], [said] = await recordings(page), await recordings(page, "microphone")
            counted = await stats(page)
        assert browser.errors == []
        # Said once: the file is not looped. It began when the microphone was opened.
        [(began_s, _)], [(said_s, _)] = spoken_parts(heard.audio), spoken_parts(said.audio)
        assert 1.2 < said_s < 2
        # On the page's clock, what is heard follows what is said by the jitter buffer's length and no more.
        assert 0 < (heard.started_ms + began_s * 1000) - (said.started_ms + said_s * 1000) < 1000
        question = heard.part(heard.started_ms + began_s * 1000 - 200)
        assert loudness_db(question.audio) > -40
        assert counted.inbound["packetsReceived"] > 100
        assert counted.outbound["packetsSent"] >= counted.inbound["packetsReceived"]
        async with listener(model_store) as listen:
            assert word_error_rate(await listen(question.audio), QUESTION_TEXT) == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("microphone", "refuse", "error"),
    [(False, False, "NotFoundError"), (True, True, "NotAllowedError")],
    ids=["none", "refused"],
)
def test_a_microphone_that_cannot_be_had(tmp_path: Path, microphone: bool, refuse: bool, error: str) -> None:
    async def main() -> None:
        file = microphone_file(tmp_path / "said.wav", 1.0) if microphone else None
        async with _page_server() as url, chromium(file, refuse=refuse) as browser:
            page = await browser.open(url)
            name = await page.evaluate(
                "navigator.mediaDevices.getUserMedia({audio: true}).then(() => 'opened', error => error.name)"
            )
        assert name == error

    asyncio.run(main())


def test_a_browser_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with _page_server() as url, chromium(None) as browser:
            await browser.open(url)
            own = [process for process in descendants(os.getpid()) if process in browser.processes]
            assert any(
                "--type=renderer" in process.command() for process in descendants(browser.processes[0].pid)
            )
            os.kill(browser.processes[0].pid, signal.SIGKILL)
            assert await all_gone(own) == []

    asyncio.run(main())


def test_a_missing_browser_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(LookupError, match="apt-get install chromium"):
        find_chromium()


def test_processes_are_found_by_their_mark_and_waited_for() -> None:
    async def main() -> None:
        mark = f"BROWSER_TEST_MARK={os.getpid()}"
        sleeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "input()"),
            env={**os.environ, **dict([mark.split("=")])},
            stdin=asyncio.subprocess.PIPE,
        )
        try:
            [found] = marked(mark)
            assert found.pid == sleeper.pid
            assert found in descendants(os.getpid())
            assert "input()" in found.command()
            assert await all_gone([found], timeout_s=0) != []
        finally:
            sleeper.kill()
        assert await all_gone([found]) == []
        await sleeper.wait()
        assert not found.alive()

    asyncio.run(main())


def test_the_error_rate_counts_words() -> None:
    assert word_error_rate("what is the capital, of France", QUESTION_TEXT) == 0
    assert word_error_rate("what is a capital of france", QUESTION_TEXT) == pytest.approx(1 / 6)
    assert word_error_rate("", QUESTION_TEXT) == 1
    assert word_error_rate("", "") == 0
    assert word_error_rate("hello", "") == 1
