"""Whatever goes wrong is one clear error, retryable where that makes sense, and never shows a secret."""

from __future__ import annotations

import socket
import traceback
from dataclasses import replace
from typing import Any

import pytest
from tests.plugins.stt_openai.support import KEY, MODEL, SPEECH, TRANSCRIPTIONS, provider, run, transcribe

from voicebot.clock import now
from voicebot.engines import within
from voicebot.errors import EngineError, EngineTimeout
from voicebot.testing import as_engine
from voicebot.testing.fakes.faults import Fault
from voicebot.testing.fakes.http import FakeServer, Handler, Request, Response, json_response
from voicebot.testing.fakes.transcription import app
from voicebot_stt_openai import OpenAISTT

HEARD = "Good morning to you."


def failure(handler: Handler, fault: Fault | None = None, **settings: Any) -> EngineError:
    """What a final raises, and nothing after it."""
    caught: list[EngineError] = []

    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        if fault is not None:
            server.faults.append(fault)
        with pytest.raises(EngineError) as raised:
            await transcribe(stt)
        caught.append(raised.value)
        if fault is not None:
            assert (await transcribe(stt)).text == HEARD

    run(handler, use, **settings)
    (error,) = caught
    told = f"{error}{error!r}{''.join(traceback.format_exception(error))}"
    assert KEY not in told
    return error


@pytest.mark.parametrize(
    ("fault", "retryable", "words"),
    [
        (Fault("status", status=400), False, ["400"]),
        (Fault("status", status=401), False, ["refuses the API key", "`api_key`"]),
        (Fault("status", status=403), False, ["forbids", MODEL]),
        (Fault("status", status=404), False, [f"no model {MODEL!r}", "/audio/transcriptions", "`path`"]),
        (Fault("status", status=413), False, ["413"]),
        (Fault("status", status=429), True, ["too many requests"]),
        (Fault("status", status=429, retry_after="2"), True, ["wait 2 s"]),
        (Fault("status", status=500), True, ["500"]),
        (Fault("status", status=503), True, ["503"]),
        (Fault("truncate"), True, ["damaged JSON"]),
        (Fault("invalid_json"), True, ["damaged JSON"]),
        (Fault("huge"), True, ["damaged JSON"]),
        (Fault("empty"), True, ["nothing"]),
        (Fault("html"), False, ["web page", "base_url"]),
        (Fault("wav_lying"), True, ["damaged JSON"]),
        (Fault("wav_empty"), True, ["damaged JSON"]),
        (Fault("close_midway"), True, ["broke"]),
        (Fault("reset"), True, ["broke"]),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else None,
)
def test_a_server_that_misbehaves(fault: Fault, retryable: bool, words: list[str]) -> None:
    error = failure(app(api_key=KEY, text=HEARD), fault)
    assert error.retryable is retryable
    for word in words:
        assert word in str(error)
    assert "history_turns" not in str(error)


@pytest.mark.parametrize("kind", ["stall_before", "stall_midway"])
def test_a_server_that_stops_answering(kind: str) -> None:
    fault = Fault("stall_before" if kind == "stall_before" else "stall_midway", TRANSCRIPTIONS)
    error = failure(app(text=HEARD), fault, read_timeout_s=0.2)
    assert isinstance(error, EngineTimeout)
    assert error.retryable


def test_retry_after_is_told() -> None:
    error = failure(app(text=HEARD), Fault("status", status=429, retry_after="7"))
    assert error.retry_after_s == 7


def test_a_slow_answer_is_an_answer() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        server.faults.append(Fault("drip", seconds=0.0001))
        assert (await transcribe(stt)).text == HEARD

    run(app(text=HEARD), use)


def test_a_server_that_repeats_the_key_does_not_get_it_shown() -> None:
    async def handler(request: Request) -> Response:
        return json_response({"error": {"message": f"Incorrect API key provided: {KEY}."}}, 400)

    assert "***" in str(failure(handler))


def test_advice_about_conversations_is_not_given() -> None:
    async def handler(request: Request) -> Response:
        return json_response({"error": {"message": "the prompt exceeds the context"}}, 400)

    assert failure(handler).hint == ""


def test_an_answer_without_text_is_none() -> None:
    async def handler(request: Request) -> Response:
        return json_response({"task": "transcribe", "detail": f"no idea, {KEY}"})

    assert "no idea, ***" in str(failure(handler))


def test_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    async def use(_: OpenAISTT, __: FakeServer) -> None:
        stt = provider(f"http://127.0.0.1:{port}")
        try:
            with pytest.raises(EngineError, match="cannot be reached") as raised:
                await stt.warmup()
            assert raised.value.retryable
            with pytest.raises(EngineError, match="cannot be reached"):
                await transcribe(stt)
        finally:
            await stt.aclose()

    run(app(), use)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"api_key": "gsk-another"}, "refuses the API key"),
        ({"api_key": None}, "wants an API key"),
        ({"model": "whisper-large-v3-tubro"}, "whisper-large-v3-turbo"),
        ({"base_url": "http://127.0.0.1:1/v1"}, "cannot be reached"),
        ({"api_key": "k\n"}, ""),
        ({"headers": {"X-A": "a\nb"}}, "cannot be sent"),
    ],
)
def test_what_warmup_finds(settings: dict[str, Any], words: str) -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        with pytest.raises(EngineError) as raised:
            await stt.warmup()
        assert words in str(raised.value)
        assert "gsk-another" not in str(raised.value)

    run(app(api_key=KEY), use, **settings)


def test_a_model_that_is_not_listed_may_be_used_unchecked() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await stt.warmup()
        with pytest.raises(EngineError, match="no model 'mine'"):
            await transcribe(stt)

    run(app(), use, model="mine", check_model=False)


def test_a_web_page_for_a_list_of_models() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        server.faults.append(Fault("html"))
        with pytest.raises(EngineError, match="web page"):
            await stt.warmup()

    run(app(), use)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("stall_before", TRANSCRIPTIONS),
        Fault("stall_midway", TRANSCRIPTIONS),
        Fault("drip", TRANSCRIPTIONS, seconds=0.01),
    ],
)
def test_the_core_can_stop_what_takes_too_long(fault: Fault) -> None:
    """A drip is never silent for long: only the core's deadline ends it."""

    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        server.faults.append(replace(fault))
        utterance = stt.start(lambda interim: None)
        utterance.push(SPEECH)
        began = now()
        with pytest.raises(EngineTimeout):
            await within(as_engine("stt", stt), utterance.finalize(), 0.1, "final transcript")
        await server.wait_hung_up()
        assert server.hung_up[0] >= began
        await utterance.aclose()

    run(app(text=HEARD), use)
