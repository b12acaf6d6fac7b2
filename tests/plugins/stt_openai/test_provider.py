"""Uploads, connections and how they end, against a server on a real socket."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import numpy as np
import pytest
from tests.plugins.stt_openai.support import (
    KEY,
    MODEL,
    RATE,
    SILENCE,
    SPEECH,
    TRANSCRIPTIONS,
    run,
    sounding,
    transcribe,
    until,
)

import voicebot
from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot.testing.fakes.faults import Fault
from voicebot.testing.fakes.http import FakeServer, Request, Response
from voicebot.testing.fakes.transcription import Upload, app, read_upload
from voicebot.wav import read_wav
from voicebot_stt_openai import OpenAISTT

QUESTION = Path(voicebot.__file__).parent / "samples" / "question.wav"


def uploads(server: FakeServer) -> list[Upload]:
    return [read_upload(request) for request in server.requests if request.method == "POST"]


@pytest.mark.parametrize(("form", "name"), [("wav", "speech.wav"), ("flac", "speech.flac")])
def test_what_was_said_is_uploaded(form: str, name: str) -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        found = await transcribe(stt, SPEECH, SILENCE)
        assert found.text == "Good morning to you."
        assert found.audio_s == 2.5
        assert found.language == "en"
        assert found.confidence == pytest.approx(np.exp(-0.3))
        (upload,) = uploads(server)
        assert upload.fields == {
            "model": MODEL,
            "language": "en",
            "response_format": "verbose_json",
            "temperature": "0",
            "prompt": "Voicebot",
            "hotwords": "Italy",
        }
        assert upload.file_name == name
        assert upload.audio.sample_rate == RATE
        sent = upload.audio.samples
        assert 1.5 * RATE <= len(sent) <= 1.6 * RATE
        assert np.array_equal(sent[: len(SPEECH.samples)], SPEECH.samples)
        (request,) = server.requests
        assert request.path == TRANSCRIPTIONS
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["x-title"] == "test"
        assert request.headers["user-agent"].startswith("voicebot/")
        assert int(request.headers["content-length"]) == len(request.body)

    run(
        app(api_key=KEY, text="Good morning to you.", avg_logprob=-0.3),
        use,
        upload=form,
        prompt="Voicebot",
        extra_fields={"hotwords": "Italy"},
        headers={"X-Title": "test"},
    )


@pytest.mark.parametrize(
    ("call", "setting", "sent"),
    [("de-CH", None, "de"), ("en", "fr", "fr"), ("en", "", None)],
)
def test_the_language_is_the_calls_unless_it_is_set(call: str, setting: str | None, sent: str | None) -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await transcribe(stt)
        assert uploads(server)[0].fields.get("language") == sent

    run(app(), use, call, language=setting)


def test_a_short_sound_is_made_long_enough() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        short = AudioChunk(sounding(0.05), RATE)
        assert (await transcribe(stt, short)).audio_s == 0.05
        assert uploads(server)[0].audio.duration_s == pytest.approx(1.1)

    run(app(), use)


def test_silence_is_never_sent() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        assert await transcribe(stt, SILENCE, SILENCE) == FinalTranscript("", 2.0)
        assert server.requests == []

    run(app(), use)


def test_whisper_cpps_server_is_used_at_its_own_path() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await stt.warmup()
        assert (await transcribe(stt)).text == "Hello there, my friend."
        assert [request.path for request in server.requests] == ["/models", "/inference"]

    run(app(text="Hello there, my friend.", models=()), use, path="/inference", response_format="json")


def test_an_error_that_comes_with_status_200_is_one() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        with pytest.raises(EngineError, match="without a transcription: the model caught fire"):
            await transcribe(stt)

    async def handler(request: Request) -> Response:
        return Response(200, {"Content-Type": "application/json"}, b'{"error": "the model caught fire"}')

    run(handler, use, path="/inference")


def test_a_server_that_does_not_know_verbose_json_is_asked_for_json_from_then_on() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        both = await asyncio.gather(transcribe(stt), transcribe(stt))
        assert [found.text for found in both] == ["Hello there, my friend."] * 2
        assert (await transcribe(stt)).text == "Hello there, my friend."
        forms = [upload.fields["response_format"] for upload in uploads(server)]
        assert sorted(forms[:4]) == ["json", "json", "verbose_json", "verbose_json"]
        assert forms[4:] == ["json"]

    run(app(text="Hello there, my friend.", json_only=True), use)


@pytest.mark.parametrize(
    ("text", "no_speech", "logprob", "kept"),
    [
        ("Thank you.", 0.9, -0.3, ""),
        ("Thank you.", 0.01, -0.3, "Thank you."),
        ("Thanks for watching!", 0.5, -0.2, ""),
        ("Where is the train station?", 0.9, -1.2, ""),
        ("Where is the train station?", 0.9, -0.3, "Where is the train station?"),
        ("[BLANK_AUDIO]", 0.1, -0.1, ""),
    ],
)
def test_what_whisper_makes_up_is_left_out(text: str, no_speech: float, logprob: float, kept: str) -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        assert (await transcribe(stt)).text == kept

    run(app(text=text, no_speech_prob=no_speech, avg_logprob=logprob), use)


def test_all_requests_share_the_connection_that_warmup_made() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await stt.warmup()
        for _ in range(3):
            await transcribe(stt)
        assert [request.path for request in server.requests] == ["/v1/models"] + 3 * [TRANSCRIPTIONS]
        assert server.connections == 1

    run(app(api_key=KEY), use)


def test_an_idle_connection_is_used_now_and_then() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await stt.warmup()
        await until(lambda: len(server.requests) >= 4)
        assert {request.path for request in server.requests[1:]} == {f"/v1/models/{MODEL}"}
        assert server.connections == 1

    run(app(api_key=KEY), use, keep_alive_s=0.005)


def test_a_server_can_be_made_to_load_its_model_at_the_start() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await stt.warmup()
        assert uploads(server)[0].audio.duration_s == read_wav(QUESTION).duration_s

    run(app(), use, warmup_request=True)


def test_cancelling_a_final_hangs_up_and_another_connection_is_made_ready() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await stt.warmup()
        utterance = stt.start(lambda interim: None)
        utterance.push(SPEECH)
        final = asyncio.create_task(utterance.finalize())
        await until(lambda: len(uploads(server)) == 1)
        final.cancel()
        await server.wait_hung_up()
        await until(lambda: len(server.requests) == 3)
        assert server.requests[-1].path == f"/v1/models/{MODEL}"
        assert server.connections == 2
        await utterance.aclose()

    run(app(delay_s=1000), use)


def test_a_superseded_final_hangs_up() -> None:
    def delayed(upload: Upload) -> str:
        return f"{upload.audio.duration_s:.0f} seconds were said."

    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        utterance = stt.start(lambda interim: None)
        utterance.push(SPEECH)
        server.faults.append(Fault("stall_before", TRANSCRIPTIONS))
        first = asyncio.create_task(utterance.finalize())
        await until(lambda: len(uploads(server)) == 1)
        utterance.push(SPEECH)
        assert (await utterance.finalize()).text == (await first).text == "3 seconds were said."
        await server.wait_hung_up()
        await utterance.aclose()

    run(app(text=delayed), use)


def test_closing_an_utterance_hangs_up() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        utterance = stt.start(lambda interim: None)
        utterance.push(SPEECH)
        final = asyncio.create_task(utterance.finalize())
        await until(lambda: len(server.requests) == 1)
        await utterance.aclose()
        await server.wait_hung_up()
        with pytest.raises(EngineError, match="was closed"):
            await final

    run(app(delay_s=1000), use)


def test_closing_the_provider_ends_a_request() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        utterance = stt.start(lambda interim: None)
        utterance.push(SPEECH)
        final = asyncio.create_task(utterance.finalize())
        await until(lambda: len(server.requests) == 1)
        await stt.aclose()
        with pytest.raises(EngineError, match="recogniser was closed"):
            await final
        await server.wait_hung_up()
        await utterance.aclose()
        with pytest.raises(EngineError, match="recogniser was closed"):
            await transcribe(stt)
        with pytest.raises(EngineError, match="recogniser was closed"):
            await stt.warmup()

    run(app(delay_s=1000), use)


def test_interims_where_they_are_asked_for() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        interims: list[InterimTranscript] = []
        utterance = stt.start(interims.append)
        utterance.push(SPEECH)
        await until(lambda: len(interims) == 1)
        assert not interims[0].faded
        utterance.push(SPEECH)
        utterance.push(SILENCE)
        await until(lambda: len(interims) == 2)
        assert interims[1].faded
        before = len(server.requests)
        assert (await utterance.finalize()).text == interims[1].text
        assert len(server.requests) == before
        await utterance.aclose()

    run(app(), use, interim_interval_ms=1)


def test_two_calls_at_once() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        long = AudioChunk(sounding(3), RATE)
        short, other = await asyncio.gather(transcribe(stt), transcribe(stt, long))
        assert (short.text, other.text) == ("1.5 seconds were said.", "3.0 seconds were said.")

    run(app(text=lambda upload: f"{upload.audio.duration_s:.1f} seconds were said."), use)


def test_nothing_of_a_call_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await stt.warmup()
        await transcribe(stt)

    with caplog.at_level(logging.DEBUG):
        run(app(api_key=KEY), use)
    assert KEY not in caplog.text
