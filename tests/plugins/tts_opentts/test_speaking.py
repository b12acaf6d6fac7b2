"""An OpenTTS that speaks with eSpeak, asked over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from tests.plugins.tts_opentts.support import Held, chunks_of, joined, run, said

from voicebot.audio import first_audible
from voicebot.errors import EngineError
from voicebot.synthesis.silence import SILENT_BELOW
from voicebot.testing.fakes.http import FakeServer, Request, Response
from voicebot.testing.fakes.opentts import app
from voicebot_tts_opentts import OpenTTS

THREE = "Good morning. How are you today? The meeting is at ten."


@pytest.mark.parametrize(
    ("voice", "rate"),
    [
        ("coqui-tts:en_ljspeech", 22_050),
        ("coqui-tts:en_vctk#p228", 22_050),
        ("espeak:en", 22_050),
        ("espeak:en-us+f3", 22_050),
        ("flite:cmu_us_slt", 16_000),
        ("larynx:harvard-glow_tts", 22_050),
        ("marytts:cmu-slt-hsmm", 16_000),
    ],
)
def test_a_voice_has_the_rate_that_its_header_says(voice: str, rate: int) -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        await tts.warmup()
        chunks = await chunks_of(tts, "Please bring the signed papers.")
        assert {chunk.sample_rate for chunk in chunks} == {rate}
        assert 0.8 < len(joined(chunks)) / rate < 4
        assert {request.query["voice"] for request in said(server)} == {voice}

    run(use, voice=voice)


def test_warming_up_looks_the_voice_up_and_has_it_speak_on_the_connection_that_is_kept() -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        await tts.warmup()
        assert [request.path for request in server.requests] == ["/api/voices", "/api/tts"]
        await chunks_of(tts, THREE)
        await chunks_of(tts, THREE)
        assert len(said(server)) == 7
        assert server.connections == 1

    run(use)


def test_a_request_is_a_sentence_and_no_sentence_is_lost() -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        whole = await chunks_of(tts, THREE)
        asked = [request.query["text"] for request in said(server)]
        assert asked == ["Good morning.", "How are you today?", "The meeting is at ten."]
        single = [await chunks_of(tts, sentence) for sentence in asked]
        assert len(whole) in (3, 4)  # a chunk per sentence, and the silence kept after the last
        # The silence between sentences stays.
        assert sum(len(joined(chunks)) for chunks in single) <= len(joined(whole))

    run(use)


def test_the_next_sentence_is_asked_for_while_one_is_taken_and_no_other() -> None:
    events: list[str] = []
    at_once = [0, 0]
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def before(text: str) -> None:
        events.append(f"asked {text}")
        asked.put_nowait(text)

    inner = app(before=before)

    async def handler(request: Request) -> Response:
        at_once[0] += 1
        at_once[1] = max(at_once)
        try:
            return await inner(request)
        finally:
            at_once[0] -= 1

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        async with aclosing(tts.synthesize("One. Two. Three. Four.")) as stream:
            for sentence in ("One.", "Two.", "Three.", "Four."):
                if sentence != "One.":
                    assert await asked.get() == sentence  # although nobody has called for it
                await anext(stream)
                if sentence == "One.":
                    assert asked.get_nowait() == sentence
                events.append(f"got {sentence}")
        assert events == [
            f"{what} {n}" for n in ("One.", "Two.", "Three.", "Four.") for what in ("asked", "got")
        ]
        assert at_once == [0, 1]

    run(use, handler)


def test_cancelling_closes_the_connection_while_the_server_is_at_work() -> None:
    held = Held()

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        speaking = asyncio.create_task(chunks_of(tts, THREE))
        assert await held.begun.get() == "Good morning."
        speaking.cancel()
        await asyncio.wait([speaking])
        assert speaking.cancelled()
        await server.wait_hung_up()
        held.let_go.set()
        assert await chunks_of(tts, "Still here.")
        assert len(server.hung_up) == 1
        assert len(said(server)) == 2

    run(use, app(before=held))


def test_closing_drops_the_sentence_that_was_asked_for_ahead() -> None:
    held = Held()
    held_from_second = Held()

    async def before(text: str) -> None:
        await (held if text == "Good morning." else held_from_second)(text)

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        held.let_go.set()
        stream = tts.synthesize(THREE)
        await anext(stream)
        assert await held_from_second.begun.get() == "How are you today?"
        await stream.aclose()
        await server.wait_hung_up()
        assert len(said(server)) == 2
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in left if task.get_name() == "opentts sentence"]

    run(use, app(before=before))


def test_two_clauses_at_once_do_not_disturb_each_other() -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        first, second = await asyncio.gather(chunks_of(tts, "One at a time."), chunks_of(tts, "No."))
        assert len(joined(first)) > 1.3 * len(joined(second)) > 0

    run(use)


@pytest.mark.parametrize("text", ["", "  ", "...", "?!", "🙂", "\x00\x01", "\ud800", "- -"])
def test_nothing_to_say_asks_for_nothing(text: str) -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        assert await chunks_of(tts, text) == []
        assert server.requests == []

    run(use)


@pytest.mark.parametrize("tail_ms", [0, 80])
def test_silence_is_trimmed_to_the_gap_that_is_asked_for(tail_ms: int) -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        audio = joined(await chunks_of(tts, "Sure."))
        start = first_audible(audio)
        assert start is not None
        assert start < 0.03 * 22_050
        after = len(audio) - 1 - np.flatnonzero(np.abs(audio.astype(int)) >= SILENT_BELOW)[-1]
        assert after <= round(tail_ms * 22.05)

    run(use, tail_silence_ms=tail_ms)


@pytest.mark.parametrize(
    ("settings", "query"),
    [
        ({}, {"voice": "espeak:en", "cache": "false"}),
        ({"cache": True}, {"voice": "espeak:en", "cache": "true"}),
        ({"voice": "coqui-tts:en_vctk", "speaker": "3"}, {"voice": "coqui-tts:en_vctk#3", "cache": "false"}),
        (
            {
                "voice": "larynx:harvard-glow_tts",
                "vocoder": "low",
                "denoiser": 0.03,
                "noise_scale": 0.5,
                "speed": 1.25,
            },
            {
                "voice": "larynx:harvard-glow_tts",
                "cache": "false",
                "vocoder": "low",
                "denoiserStrength": "0.03",
                "noiseScale": "0.5",
                "lengthScale": "0.8",
            },
        ),
    ],
)
def test_settings_become_what_opentts_calls_them(settings: dict[str, Any], query: dict[str, str]) -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        await tts.warmup()
        await chunks_of(tts, "Hello.")
        assert said(server)[-1].query == {**query, "text": "Hello."}

    run(use, **settings)


def test_speed_is_heard() -> None:
    seconds: list[float] = []

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        audio = joined(await chunks_of(tts, "Please bring the signed papers along to the meeting."))
        seconds.append(len(audio) / 22_050)

    for speed in (1.0, 2.0):
        run(use, voice="larynx:harvard-glow_tts", speed=speed)
    assert 1.5 < seconds[0] / seconds[1] < 2.3


def test_markup_is_text_unless_it_is_to_be_passed_on() -> None:
    text = 'Wait<break time="700ms"/> here.'
    lengths: dict[str, int] = {}

    async def plain(tts: OpenTTS, server: FakeServer) -> None:
        await chunks_of(tts, text)
        assert "ssml" not in said(server)[0].query
        lengths["without"] = len(joined(await chunks_of(tts, "Wait here.")))

    async def passed(tts: OpenTTS, server: FakeServer) -> None:
        lengths["with"] = len(joined(await chunks_of(tts, text)))
        (request,) = said(server)
        assert request.query["ssml"] == "true"
        assert request.query["lang"] == "en"
        assert request.query["text"] == f"<speak>{text}</speak>"
        await chunks_of(tts, "Is 3 < 4? R&D says so.")
        assert [r.query.get("ssml") for r in said(server)[1:]] == [None, None]

    run(plain)
    run(passed, ssml="pass")
    assert lengths["with"] > lengths["without"] + 0.6 * 22_050


def test_an_apostrophe_survives_what_opentts_does_to_arguments() -> None:
    """As eSpeak itself says it, and not as the shell's quotation of it."""
    sentence = "They don't know what isn't there, and we're sure it won't hurt."

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        plain = len(joined(await chunks_of(tts, sentence.replace("'", "’"))))
        assert len(joined(await chunks_of(tts, sentence))) == pytest.approx(plain, rel=0.01)
        assert "'" not in said(server)[-1].query["text"]

    run(use)


def test_closed_means_closed() -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        await tts.aclose()
        with pytest.raises(EngineError, match="closed"):
            await tts.warmup()
        with pytest.raises(EngineError, match="closed"):
            await chunks_of(tts, "Hello.")

    run(use)


def test_closing_ends_a_synthesis_with_an_error_that_says_so() -> None:
    held = Held()

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        speaking = asyncio.create_task(chunks_of(tts, "Hello."))
        await held.begun.get()
        await tts.aclose()
        with pytest.raises(EngineError, match="closed"):
            await speaking
        await server.wait_hung_up()

    run(use, app(before=held))
