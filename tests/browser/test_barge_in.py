"""The user speaks while the agent does: at once the page makes way, then the agent stops."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.browser.conftest import CONNECTING_S
from tests.browser.support.call_page import CallPage
from tests.browser.support.chromium import chromium
from tests.browser.support.hearing import loudness_db, spoken_parts
from tests.browser.support.microphone import QUESTION, microphone_file
from tests.browser.support.recording import recordings
from tests.browser.support.server import SCRIPTED, over, serving

from voicebot.audio import AudioChunk
from voicebot.wav import read_wav

REPLY = (
    "Let me tell you the whole story from its beginning, which is a long time ago, and then how it went on from "
    "there, and at last how it came to its end, if it has come to its end at all by now."
)


def test_speaking_over_the_agent_interrupts_it(transport: str, tmp_path: Path) -> None:
    async def main() -> None:
        # The agent is amid its 12 s of answer when the user speaks again, for long enough to outlast a slow machine.
        spoken = read_wav(QUESTION)
        spoken = AudioChunk(spoken.samples[3_520:29_760], spoken.sample_rate)  # no pause at its ends
        microphone = microphone_file(
            tmp_path / "twice.wav", CONNECTING_S, QUESTION, 3.0, spoken, spoken, spoken
        )
        environ = {
            **over(transport),
            "VOICEBOT_LLM__REPLIES": f'["{REPLY}", "Good."]',
        }
        async with serving(SCRIPTED, environ) as server, chromium(microphone) as browser:
            page = await CallPage.open(browser, server.url)
            await page.talk()
            ending = await page.ending(1)
            interrupted_ms = await page.now_ms()
            text = await page.said("agent", 1)
            assert await page.said("agent", 2) == "Good."
            await page.state("listening")
            [heard], [said] = await recordings(page.page), await recordings(page.page, "microphone")
            volumes = await page.volumes()
            await page.press()
            await page.state("ended")
            [report] = await server.reports()

        assert browser.errors == []
        assert ending == "interrupted"
        # What the page shows is what was heard of the answer: its beginning.
        assert REPLY.startswith(text)
        assert 0 < len(text) < len(REPLY) / 2
        first, second = report["turns"]
        assert (first["ended"], second["ended"]) == ("interrupted", "finished")
        assert first["heard_text"] == text

        # The page made way by itself before the server had said anything, and let the next answer be heard in full.
        spoke_ms = said.started_ms + spoken_parts(said.audio)[1][0] * 1000
        ducked_ms = next(at for at, volume in volumes if at > spoke_ms and volume < 0.5)
        assert ducked_ms < interrupted_ms
        assert volumes[-1][1] == 1

        # And the agent fell silent while the user still spoke, until its next answer.
        parts = [
            (heard.started_ms + begin * 1000, heard.started_ms + end * 1000)
            for begin, end in spoken_parts(heard.audio)
        ]
        assert len(parts) == 2
        ended_ms = said.started_ms + spoken_parts(said.audio)[1][1] * 1000
        assert spoke_ms < parts[0][1] < ended_ms < parts[1][0]
        assert loudness_db(heard.part(parts[0][1] + 20, parts[1][0] - 20).audio) < -60

    asyncio.run(main())


@pytest.mark.parametrize("transport", ["webrtc"], indirect=True)
def test_a_muted_user_says_nothing(transport: str, question: Path) -> None:
    async def main() -> None:
        async with (
            serving(SCRIPTED, over(transport)) as server,
            chromium(question) as browser,
        ):
            page = await CallPage.open(browser, server.url)
            await page.talk()
            await page.page.click("#mute")
            # The question and the time in which it would be answered.
            await page.wait_until("() => __harness.microphone.some(r => r.samples > 6.5 * r.rate)")
            assert await page.line("user", 1, final=False).count() == 0
            states = {name for _, name in await page.states()}
            await page.press()
            await page.state("ended")
        assert "user_speaking" not in states

    asyncio.run(main())
