"""What goes wrong in the field, and what the page says; whatever it is, nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.browser.conftest import CONNECTING_S
from tests.browser.support.call_page import CallPage
from tests.browser.support.chromium import chromium
from tests.browser.support.hearing import spoken_parts
from tests.browser.support.microphone import QUESTION, microphone_file
from tests.browser.support.processes import all_gone
from tests.browser.support.recording import recordings
from tests.browser.support.server import SCRIPTED, Server, over, serving


async def _kill(server: Server, part: str) -> None:
    """Kill the server's processes whose command line has this part; there have to be some."""
    found = server.find(part)
    assert found, f"no process {part!r} among {[process.command() for process in server.processes()]}"
    for process in found:
        os.kill(process.pid, signal.SIGKILL)
    assert await all_gone(found) == []


def test_without_a_microphone(silence: Path) -> None:
    """No call is taken from others by somebody who cannot speak."""

    async def main() -> None:
        async with serving(SCRIPTED, over("webrtc")) as server:
            for refuse, code in ((True, "permission_refused"), (False, "no_microphone")):
                async with chromium(silence if refuse else None, refuse=refuse) as browser:
                    page = await CallPage.open(browser, server.url)
                    await page.press()
                    assert await page.problem() == code
                    assert await page.state("idle", "ended")
            async with chromium(silence) as browser:
                page = await CallPage.open(browser, server.url)
                await page.talk()
                await page.press()
                await page.state("ended")
            assert len(await server.reports()) == 1

    asyncio.run(main())


def test_a_second_caller_waits_for_the_first(transport: str, silence: Path) -> None:
    async def main() -> None:
        async with (
            serving(SCRIPTED, over(transport)) as server,
            chromium(silence) as browser,
        ):
            first, second = [await CallPage.open(browser, server.url) for _ in range(2)]
            await first.page.bring_to_front()
            await first.talk()
            await second.page.bring_to_front()
            await second.press()
            assert await second.problem() == "busy"
            assert await first.state("listening")
            await first.press()
            await first.state("ended")
            # A report says that the call worker has let go.
            await server.reports(1)
            await second.talk()
            await second.press()
            await second.state("ended")
            await server.reports(2)

    asyncio.run(main())


def test_a_call_worker_that_dies_ends_its_call_alone(transport: str, silence: Path) -> None:
    async def main() -> None:
        async with (
            serving(SCRIPTED, over(transport)) as server,
            chromium(silence) as browser,
        ):
            page = await CallPage.open(browser, server.url)
            await page.talk()
            await _kill(server, " worker ")
            assert await page.problem() == "agent_lost"
            await page.state("ended")
            await _talk_again(page)

    asyncio.run(main())


def test_a_media_worker_that_dies_ends_its_calls(silence: Path) -> None:
    async def main() -> None:
        async with serving(SCRIPTED, over("mediasoup")) as server, chromium(silence) as browser:
            page = await CallPage.open(browser, server.url)
            await page.talk()
            await _kill(server, "mediasoup-worker")
            assert await page.problem() == "media_lost"
            await page.state("ended")
            await _talk_again(page)

    asyncio.run(main())


def test_an_sfu_that_dies_ends_its_calls(silence: Path) -> None:
    async def main() -> None:
        async with (
            serving(SCRIPTED, over("mediasoup")) as server,
            chromium(silence) as browser,
        ):
            page = await CallPage.open(browser, server.url)
            await page.talk()
            await _kill(server, "src/main.js")
            # The new one knows nothing of the call.
            assert await page.problem() == "unknown_call"
            await page.state("ended")
            assert any(name == "reconnecting" for _, name in await page.states())
            await server.reports(1)
            await _talk_again(page)

    asyncio.run(main())


def test_a_server_that_is_killed_leaves_nothing(transport: str, silence: Path) -> None:
    async def main() -> None:
        async with (
            serving(SCRIPTED, over(transport), killed=True) as server,
            chromium(silence) as browser,
        ):
            page = await CallPage.open(browser, server.url)
            await page.talk()
            own = server.processes()
            os.kill(server.pid, signal.SIGKILL)
            assert await all_gone(own) == []
            # The SFU has time for a last word; the webrtc transport's front was in the process that was killed.
            await page.state("reconnecting" if transport == "webrtc" else "ended")

    asyncio.run(main())


def test_a_server_that_stops_says_so(transport: str, silence: Path) -> None:
    async def main() -> None:
        async with (
            serving(SCRIPTED, over(transport)) as server,
            chromium(silence) as browser,
        ):
            page = await CallPage.open(browser, server.url)
            await page.talk()
            server.stop()
            assert await page.problem() == "shutdown"
            await page.state("ended")
            await server.reports(1)

    asyncio.run(main())


def test_a_browser_that_is_killed_frees_its_call_worker(transport: str, silence: Path) -> None:
    async def main() -> None:
        environ = {**over(transport), "VOICEBOT_TRANSPORT__GRACE_S": "0.5"}
        async with serving(SCRIPTED, environ) as server:
            async with chromium(silence) as browser:
                page = await CallPage.open(browser, server.url)
                await page.talk()
                os.kill(browser.processes[0].pid, signal.SIGKILL)
                assert await all_gone(browser.processes) == []
            await server.reports(1)
            async with chromium(silence) as browser:
                page = await CallPage.open(browser, server.url)
                await page.talk()
                await page.press()
                await page.state("ended")

    asyncio.run(main())


def test_a_broken_connection_is_mended(transport: str, tmp_path: Path) -> None:
    """The call goes on: the question that comes afterwards is answered, and heard."""

    async def main() -> None:
        later = microphone_file(tmp_path / "later.wav", CONNECTING_S + 3, QUESTION)
        async with serving(SCRIPTED, over(transport)) as server, chromium(later) as browser:
            page = await CallPage.open(browser, server.url)
            await page.talk()
            await page.page.evaluate("() => __harness.sockets.at(-1).close()")
            await page.state("reconnecting")
            await page.state("listening")
            assert await page.ending() == "finished"
            heard = (await recordings(page.page))[-1]
            assert len(spoken_parts(heard.audio)) == 1
            await page.press()
            await page.state("ended")
            [report] = await server.reports()
            assert [turn["ended"] for turn in report["turns"]] == ["finished"]
        assert browser.errors == []

    asyncio.run(main())


async def _talk_again(page: CallPage) -> None:
    """As soon as there is an agent again the button works; until then the page says why not."""
    await page.talk()
    await page.press()
    await page.state("ended")
