"""The fake answers as OpenTTS 2.1 does, asked without our client."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import Any

import httpx
import pytest

from voicebot.testing.fakes.http import FakeServer
from voicebot.testing.fakes.opentts import app


def ask(*requests: dict[str, Any]) -> list[httpx.Response]:
    async def main() -> list[httpx.Response]:
        async with (
            FakeServer(app()) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as client,
        ):
            return [await client.request(**{"method": "GET", **request}) for request in requests]

    return asyncio.run(main())


def tts(**query: str) -> dict[str, Any]:
    return {"url": "/api/tts", "params": {"voice": "coqui-tts:en_ljspeech", "text": "Hello there.", **query}}


def seconds(answer: httpx.Response) -> float:
    assert answer.status_code == 200
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        frames, rate = file.getnframes(), file.getframerate()
        assert rate in (16_000, 22_050)
        return float(frames / rate)


def test_the_lists() -> None:
    voices, coqui, languages = ask(
        {"url": "/api/voices"},
        {"url": "/api/voices", "params": {"tts_name": "coqui-tts", "language": "en"}},
        {"url": "/api/languages", "params": {"tts_name": "larynx"}},
    )
    assert set(coqui.json()) == {"coqui-tts:en_ljspeech", "coqui-tts:en_vctk"}
    assert coqui.json()["coqui-tts:en_vctk"] == {
        "gender": "MF",
        "id": "en_vctk",
        "language": "en",
        "locale": "en-us",
        "multispeaker": True,
        "name": "vctk",
        "speakers": {"p225": 0, "p226": 1, "p227": 2, "p228": 3},
        "tag": None,
        "tts_name": "coqui-tts",
    }
    assert coqui.json().items() <= voices.json().items()
    assert languages.json() == ["de", "en"]


def test_speech() -> None:
    plain, longer, posted, lines, slow = ask(
        tts(),
        tts(text="Hello there, how are you today?"),
        {"method": "POST", "url": "/api/tts", "params": {"voice": "espeak:en"}, "content": "Hello there."},
        tts(text="Hello there.\nHello there."),
        tts(voice="larynx:harvard-glow_tts", lengthScale="2"),
    )
    assert 0.4 < seconds(plain) < 2
    assert seconds(longer) > 1.5 * seconds(plain)
    assert seconds(posted) == pytest.approx(seconds(plain), rel=0.3)
    assert seconds(lines) == pytest.approx(2 * seconds(plain), rel=0.1)
    assert seconds(slow) > 1.5 * seconds(plain)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (tts(voice=""), "AssertionError: No voice provided"),
        (tts(text=""), "AssertionError: No text provided"),
        (tts(text=" \n "), "AssertionError: No audio returned from synthesis"),
        (tts(voice="nobody:x"), "ValueError: Cannot resolve voice: nobody:x"),
        (tts(voice="coqui-tts:x"), "AssertionError: No Coqui-TTS voice x"),
        (tts(voice="coqui-tts:en_vctk#p1"), "KeyError: 'p1'"),
        (tts(lengthScale="fast"), "ValueError: could not convert string to float: 'fast'"),
        (tts(text="<speak><s></speak>", ssml="true"), "ParseError: "),
        ({"url": "/api/nothing"}, "NotFound: 404 Not Found: "),
    ],
)
def test_whatever_is_wrong_is_a_500_with_the_exception_s_name(request_: dict[str, Any], words: str) -> None:
    (answer,) = ask(request_)
    assert answer.status_code == 500
    assert answer.text.startswith(words)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_ssml() -> None:
    text = '<speak>Hello <break time="500ms"/><s>there</s><sub alias="friend">x</sub>.</speak>'
    ssml, plain = ask(tts(text=text, ssml="true"), tts(text="Hello there friend."))
    assert seconds(ssml) > seconds(plain) + 0.4


def test_an_apostrophe_is_five_quotation_marks_to_espeak() -> None:
    straight, typographic = ask(
        tts(voice="espeak:en", text="They don't know what isn't there, and we're sure it won't hurt."),
        tts(voice="espeak:en", text="They don’t know what isn’t there, and we’re sure it won’t hurt."),
    )
    assert seconds(straight) != pytest.approx(seconds(typographic), rel=0.02)
