"""`voicebot run` with `configs/prod.yaml`, on the fakes of `make fakes`, and a person in a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.browser.support.call_page import CallPage
from tests.browser.support.chromium import chromium
from tests.browser.support.hearing import likeness, listener, spoken_parts, word_error_rate
from tests.browser.support.microphone import QUESTION, QUESTION_TEXT, microphone_file
from tests.browser.support.recording import recordings
from tests.browser.support.server import ROOT, over, serving

from voicebot.models import ModelStore
from voicebot.testing.fakes import groq, opentts
from voicebot.testing.fakes.http import FakeServer

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

CONNECTING_S = 3.0
LISTENING_S = 9.0
"""From the end of the question to its repetition: whisper.cpp may take seconds on a busy machine."""
STORY = (
    "Paris is the capital of France. Its story begins on an island in the river, where fishermen lived, and it goes on "
    "with kings and bridges, with markets and with towers. After that came the great avenues, and the railways, "
    "and at last the gardens, which are still there today. And that is by no means the whole of the story, for "
    "there is much more to tell of the people who came there, of what they wrote, and of what they cooked."
)
SECOND = "Once more, it is Paris."


def test_a_call_on_groq_and_opentts(tmp_path: Path, model_store: ModelStore) -> None:
    """Question, answer, and the same question into the midst of it."""
    microphone = microphone_file(tmp_path / "twice.wav", CONNECTING_S, QUESTION, LISTENING_S, QUESTION)

    async def main() -> None:
        async with (
            FakeServer(groq.app(replies=(STORY, SECOND), ttft_s=0.1, tokens_per_s=100)) as model,
            FakeServer(opentts.app()) as voice,
        ):
            environ = {
                **over("mediasoup"),
                "VOICEBOT_CALLS": "1",
                "VOICEBOT_TRANSPORT__RTC__LISTEN_IP": "127.0.0.1",
                "GROQ_API_KEY": "gsk_fake",
                "GROQ_BASE_URL": f"{model.url}/openai/v1",
                "OPENTTS_URL": voice.url,
            }
            profile = ROOT / "configs" / "prod.yaml"
            async with serving(profile, environ) as server, chromium(microphone) as browser:
                page = await CallPage.open(browser, server.url)
                await page.talk()
                understood = await page.said("user", 1)
                ending = await page.ending(1)
                told = await page.said("agent", 1)
                again = await page.said("agent", 2)
                second_ending = await page.ending(2)
                await page.state("listening")
                [heard], [said] = await recordings(page.page), await recordings(page.page, "microphone")
                await page.press()
                await page.state("ended")
                [report] = await server.reports()

        assert browser.errors == []
        assert word_error_rate(understood, QUESTION_TEXT) == 0
        assert (ending, second_ending) == ("interrupted", "finished")
        assert STORY.startswith(told)
        assert 0 < len(told) < len(STORY)
        assert again == SECOND
        assert report["fallbacks"] == []
        # On a busy machine the end-of-turn model's verdict may be late, and is done without.
        assert {error["kind"] for error in report["errors"]} <= {"turn"}

        # The story was heard until the user spoke into it, then the second answer.
        interrupted_ms, asked_ms = (said.started_ms + at_s * 1000 for at_s in spoken_parts(said.audio)[1])
        parts = [
            (heard.started_ms + begin_s * 1000, heard.started_ms + end_s * 1000)
            for begin_s, end_s in spoken_parts(heard.audio)
        ]
        *first, (answered_ms, _) = parts
        story_ms, silent_ms = first[0][0], first[-1][1]
        assert story_ms < interrupted_ms < silent_ms < asked_ms < answered_ms
        async with listener(model_store) as listen:
            story = heard.part(story_ms - 200, silent_ms + 200)
            assert likeness((await listen(story.audio))[: len(told)], told) > 0.5
            assert likeness(await listen(heard.part(answered_ms - 200).audio), SECOND) > 0.6

    asyncio.run(main())
