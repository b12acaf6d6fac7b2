"""What a server does wrong is one clear error, retryable where that makes sense; the next sentence is spoken."""

from __future__ import annotations

import asyncio
import socket
import traceback
from typing import Any

import pytest
from tests.plugins.tts_opentts.support import SECRET, chunks_of, provider, run

from voicebot.errors import EngineError, EngineTimeout
from voicebot.testing.fakes.faults import Fault
from voicebot.testing.fakes.http import FakeServer, Request, Response
from voicebot.testing.fakes.opentts import app
from voicebot_tts_opentts import OpenTTS


def failure_of(fault: Fault, **settings: Any) -> EngineError:
    """What a synthesis raises when the server does this; afterwards all is well again."""
    caught: list[EngineError] = []
    fault.path = "/api/tts"

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        await tts.warmup()
        server.faults.append(fault)
        with pytest.raises(EngineError) as raised:
            await chunks_of(tts, "Good morning.")
        caught.append(raised.value)
        assert await chunks_of(tts, "Still here.")

    run(use, **{"headers": {"Authorization": SECRET}, **settings})
    (error,) = caught
    told = f"{error}{error!r}{error.hint}{''.join(traceback.format_exception(error))}"
    assert SECRET not in told
    assert "http://127.0.0.1:" in str(error)
    assert len(str(error)) < 600
    return error


@pytest.mark.parametrize(
    ("fault", "retryable", "words"),
    [
        (Fault("status", status=500), True, ["500", "Something went wrong"]),
        (Fault("status", status=503), True, ["503", "overloaded"]),
        (Fault("status", status=429), True, ["too many requests"]),
        (Fault("status", status=401), False, ["401", "`headers`"]),
        (Fault("status", status=404), False, ["no OpenTTS", "base_url"]),
        (Fault("status", status=307), False, ["307", "base_url"]),
        (Fault("truncate"), True, ["WAV", "cut short"]),
        (Fault("close_midway"), True, ["broke"]),
        (Fault("reset", times=2), True, ["broke"]),
        (Fault("huge"), False, ["more than 8 MiB"]),
        (Fault("empty"), True, ["nothing"]),
        (Fault("html"), False, ["a web page", "base_url"]),
        (Fault("wav_lying"), True, ["WAV", "cut short"]),
        (Fault("wav_lying", seconds=-1), True, ["WAV", "more than its header"]),
        (Fault("wav_empty"), True, ["WAV", "length is 0"]),
    ],
    ids=lambda value: (
        f"{value.kind}{value.status if value.kind == 'status' else ''}" if isinstance(value, Fault) else None
    ),
)
def test_a_fault_is_one_clear_error(fault: Fault, retryable: bool, words: list[str]) -> None:
    error = failure_of(fault)
    assert error.retryable is retryable
    assert not isinstance(error, EngineTimeout)
    for word in words:
        assert word in str(error)


@pytest.mark.parametrize("kind", ["stall_before", "stall_midway", "drip"])
def test_a_server_that_takes_too_long_is_hung_up_on(kind: Any) -> None:
    """A drip would go on for hours, and never be silent for long."""
    hung_up: list[int] = []

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        server.faults.append(Fault(kind, "/api/tts", seconds=0.01))
        with pytest.raises(EngineTimeout, match=r"did not answer within 0\.3 s") as raised:
            await chunks_of(tts, "Good morning.")
        assert raised.value.retryable
        await server.wait_hung_up()
        hung_up.append(len(server.hung_up))

    run(use, timeout_s=0.3)
    assert hung_up == [1]


def test_retry_after_is_passed_on() -> None:
    assert failure_of(Fault("status", status=503, retry_after="7")).retry_after_s == 7
    assert failure_of(Fault("status", status=429)).retry_after_s is None


def test_a_first_sentence_that_was_spoken_is_kept_when_the_second_fails() -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        stream = tts.synthesize("Good morning. How are you?")
        await anext(stream)
        server.faults.append(Fault("reset", "/api/tts", times=2))  # the second request has not come yet
        with pytest.raises(EngineError):
            await anext(stream)
        await stream.aclose()

    run(use)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"voice": "coqui-tts:en_ljspech"}, ["no voice 'coqui-tts:en_ljspech'", "coqui-tts:en_ljspeech?"]),
        ({"voice": "piper:en"}, ["no voice 'piper:en'", "none of piper"]),
        ({"voice": "coqui-tts:en_vctk#p22"}, ["no speaker 'p22'", "Did you mean p22"]),
        ({"voice": "coqui-tts:en_vctk#4"}, ["no speaker '4'"]),
        ({"voice": "coqui-tts:en_ljspeech#p225"}, ["one speaker only"]),
        ({"voice": "espeak:xx"}, ["no voice 'espeak:xx'"]),
    ],
)
def test_a_wrong_voice_is_found_out_at_the_start(settings: dict[str, Any], words: list[str]) -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        with pytest.raises(EngineError) as raised:
            await tts.warmup()
        assert not raised.value.retryable
        assert [request.path for request in server.requests] == ["/api/voices"]
        for word in words:
            assert word in f"{raised.value} {raised.value.hint}"

    run(use, **settings)


def test_without_the_check_the_server_says_it() -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        with pytest.raises(EngineError, match="500: AssertionError: No Coqui-TTS voice en_ljspech") as raised:
            await tts.warmup()
        assert not raised.value.retryable  # it would say so again

    run(use, voice="coqui-tts:en_ljspech", check_voice=False)


@pytest.mark.parametrize("kind", ["invalid_json", "html", "empty", "truncate", "huge"])
def test_what_is_no_list_of_voices_is_no_opentts(kind: Any) -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        server.faults.append(Fault(kind, "/api/voices"))
        with pytest.raises(EngineError, match=r"OpenTTS|MiB"):
            await tts.warmup()

    run(use)


def test_a_server_that_repeats_the_credentials_is_not_quoted_with_them() -> None:
    async def handler(request: Request) -> Response:
        return Response(500, {}, f"RuntimeError: no {request.headers['authorization']}".encode())

    async def use(tts: OpenTTS, server: FakeServer) -> None:
        with pytest.raises(EngineError) as raised:
            await chunks_of(tts, "Hello.")
        assert "no ***" in str(raised.value)
        assert SECRET not in "".join(traceback.format_exception(raised.value))
        assert raised.value.retryable

    run(use, handler, headers={"Authorization": SECRET})


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connecting is refused

        async def main() -> None:
            tts = provider(f"http://127.0.0.1:{taken.getsockname()[1]}")
            with pytest.raises(EngineError, match="cannot be reached") as raised:
                await tts.warmup()
            assert raised.value.retryable
            await tts.aclose()

        asyncio.run(main())


def test_no_tls_where_tls_is_asked_for() -> None:
    async def use(tts: OpenTTS, server: FakeServer) -> None:
        other = provider(server.url.replace("http:", "https:"))
        with pytest.raises(EngineError, match=r"cannot be trusted|cannot be reached|broke"):
            await other.warmup()
        await other.aclose()

    run(use, app())


def test_a_header_that_no_header_may_hold_is_named_and_not_shown() -> None:
    async def main() -> None:
        tts = provider("http://127.0.0.1:1", headers={"X-Key": "geheim\nniß"})
        with pytest.raises(EngineError, match="'X-Key'") as raised:
            await tts.warmup()
        assert "geheim" not in str(raised.value)

    asyncio.run(main())


def test_a_name_that_nobody_has() -> None:
    async def main() -> None:
        tts = provider("http://voice.invalid:5500")
        with pytest.raises(EngineError, match=r"http://voice\.invalid:5500 cannot be reached") as raised:
            await tts.warmup()
        assert raised.value.retryable
        await tts.aclose()

    asyncio.run(main())
