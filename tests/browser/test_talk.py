"""A person opens the page, presses the button, asks, and hears the answer: with real engines, over both transports."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.browser.support.call_page import CallPage
from tests.browser.support.chromium import chromium
from tests.browser.support.hearing import likeness, listener, spoken_parts, word_error_rate
from tests.browser.support.microphone import QUESTION_TEXT
from tests.browser.support.recording import recordings, stats
from tests.browser.support.server import ROOT, serving

from voicebot.models import ModelStore

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

PROFILES = {"webrtc": "local.yaml", "mediasoup": "sfu.yaml"}
# The smallest ears, so that it is quick, and a voice that a recogniser understands, without its random numbers.
ENGINES = {
    "VOICEBOT_STT__MODEL": "whisper-tiny.en-ct2",
    "VOICEBOT_TTS__USE": "piper",
    "VOICEBOT_TTS__NOISE_SCALE": "0",
    "VOICEBOT_TTS__NOISE_W": "0",
}


def test_a_question_is_answered_aloud(transport: str, question: Path, model_store: ModelStore) -> None:
    async def main() -> None:
        profile = ROOT / "configs" / PROFILES[transport]
        async with serving(profile, ENGINES) as server, chromium(question) as browser:
            page = await CallPage.open(browser, server.url)
            await page.talk()
            understood = await page.said("user")
            answer = await page.said("agent")
            ending = await page.ending()
            shown_ms = await page.heard_ms()
            await page.state("listening")
            [heard], [said] = await recordings(page.page), await recordings(page.page, "microphone")
            counted = await stats(page.page)
            await page.press()
            await page.state("ended")
            # The microphone is let go of, and every connection closed.
            await page.wait_until("() => __harness.opened.every(track => track.readyState === 'ended')")
            await page.wait_until("() => __harness.connections.every(c => c.connectionState === 'closed')")
            [report] = await server.reports()
            states = [name for _, name in await page.states()]

        assert browser.errors == []
        assert word_error_rate(understood, QUESTION_TEXT) == 0
        assert ending == "finished"
        in_order = ["connecting", "listening", "user_speaking", "agent_speaking", "listening", "ended"]
        assert _follow(in_order, states), states

        # What came out of the browser is what the page says that the agent said, once, and nothing else.
        [(begin, end)] = spoken_parts(heard.audio)
        async with listener(model_store) as listen:
            aloud = heard.part(heard.started_ms + begin * 1000 - 200, heard.started_ms + end * 1000 + 200)
            assert likeness(await listen(aloud.audio), answer) > 0.85
        assert counted.inbound["packetsLost"] == 0

        # What the page measured is what the two recordings say, on the page's clock; and the report has it.
        asked_ms = said.started_ms + spoken_parts(said.audio)[0][1] * 1000
        assert shown_ms == pytest.approx(heard.started_ms + begin * 1000 - asked_ms, abs=200)
        [turn] = report["turns"]
        assert turn["heard_voice_to_voice_ms"] == pytest.approx(shown_ms, abs=0.1)
        assert turn["user_text"] == understood
        assert turn["agent_text"] == turn["heard_text"] == answer

    asyncio.run(main())


def _follow(names: list[str], states: list[str]) -> bool:
    """The names come among the states in this order."""
    rest = iter(states)
    return all(name in rest for name in names)
