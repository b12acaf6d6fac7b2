"""The fake server itself, with a client that is not ours."""

from __future__ import annotations

import asyncio
import io
import wave
from contextlib import suppress
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.stt_openai.support import KEY, MODEL, RATE, sounding

from voicebot.testing.fakes.http import FakeServer, Handler, Request
from voicebot.testing.fakes.transcription import app, read_upload


def wav(seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.repeat(sounding(seconds)[: round(seconds * rate)], channels).tobytes())
    return file.getvalue()


def post(handler: Handler, path: str = "/openai/v1/audio/transcriptions", **how: Any) -> httpx.Response:
    async def main() -> httpx.Response:
        async with FakeServer(handler) as server, httpx.AsyncClient(trust_env=False) as client:
            return await client.post(f"{server.url}{path}", **how)

    return asyncio.run(main())


def form(data: bytes, **fields: str) -> dict[str, Any]:
    return {"files": {"file": ("a.wav", data, "audio/wav")}, "data": {"model": MODEL, **fields}}


def test_the_forms_of_an_answer() -> None:
    handler = app(text="Good morning.", avg_logprob=-0.4, no_speech_prob=0.2)
    assert post(handler, **form(wav())).json()["text"] == " Good morning."
    text = post(handler, **form(wav(), response_format="text"))
    assert (text.text, text.headers["content-type"]) == (" Good morning.", "text/plain; charset=utf-8")
    verbose = post(handler, **form(wav(), response_format="verbose_json", language="de")).json()
    assert (verbose["language"], verbose["duration"]) == ("German", 1.0)
    (segment,) = verbose["segments"]
    assert (segment["text"], segment["avg_logprob"], segment["no_speech_prob"]) == (
        " Good morning.",
        -0.4,
        0.2,
    )
    assert post(app(text=""), **form(wav(), response_format="verbose_json")).json()["segments"] == []


@pytest.mark.parametrize(
    ("options", "how", "status", "words"),
    [
        ({"api_key": KEY}, form(wav()), 401, "Invalid API Key"),
        ({}, {**form(wav()), "data": {"model": "x"}}, 404, "`x` does not exist"),
        ({}, {**form(wav()), "data": {}}, 404, "does not exist"),
        ({}, {"data": {"model": MODEL}}, 400, "multipart"),
        ({}, {"files": {"data": ("a.wav", wav())}}, 400, "'file'"),
        ({}, form(b"no audio at all"), 400, "valid media file"),
        ({}, form(wav()[:-100]), 400, "cut short"),
        ({}, form(wav(0.05)), 400, "0.1 seconds"),
        ({}, form(wav(), response_format="srt"), 400, "response_format"),
        ({"json_only": True}, form(wav(), response_format="verbose_json"), 400, "response_format"),
        ({}, form(wav(), temperature="hot"), 400, "temperature"),
        ({}, {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}, 400, ""),
    ],
)
def test_refusals(options: dict[str, Any], how: dict[str, Any], status: int, words: str) -> None:
    answer = post(app(**options), **how)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_whisper_cpps_own_path() -> None:
    assert post(app(api_key=KEY, text="Hi."), "/inference", files={"file": wav()}).json()["text"] == " Hi."
    failed = post(app(), "/inference", files={"file": b"x"})
    assert failed.status_code == 200
    assert "error" in failed.json()


def test_the_list_of_models() -> None:
    async def main() -> None:
        async with (
            FakeServer(app(models=["a", "b/c"])) as server,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            listed = (await client.get(f"{server.url}/v1/models")).json()
            assert [model["id"] for model in listed["data"]] == ["a", "b/c"]
            assert (await client.get(f"{server.url}/v1/models/b%2Fc")).json()["id"] == "b/c"
            assert (await client.get(f"{server.url}/v1/models/d")).status_code == 404
            assert (await client.get(f"{server.url}/v1/other")).status_code == 404

    asyncio.run(main())


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_any_recording_is_heard(form: str, channels: int, rate: int) -> None:
    file = io.BytesIO()
    samples = np.zeros((rate, channels), np.float32) + 0.25
    soundfile.write(file, samples, rate, format=form, subtype="PCM_16")
    upload = read_upload(request_of({"file": file.getvalue()}))
    assert (upload.audio.sample_rate, len(upload.audio.samples)) == (rate, rate)
    assert set(upload.audio.samples.tolist()) == {8192}


def request_of(files: dict[str, bytes], fields: dict[str, str] | None = None) -> Request:
    parts = {name: (f"{name}.bin", data, "application/octet-stream") for name, data in files.items()}
    made = httpx.Request("POST", "http://server/", files=parts, data=fields or {})
    return Request(
        "POST", "/", {}, {name.lower(): value for name, value in made.headers.items()}, made.read()
    )


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"\x00", b"\xff", b" ", b"ab"]), max_size=30))
def test_every_byte_of_an_upload_arrives(pieces: list[bytes]) -> None:
    extra = b"".join(pieces)
    upload = read_upload(request_of({"other": extra, "file": wav()}, {"prompt": "Grüß Gott"}))
    assert upload.fields["other"] == extra.decode("utf-8", "replace")
    assert upload.fields["prompt"] == "Grüß Gott"
    assert np.array_equal(upload.audio.samples, sounding(1.0))


@given(
    st.binary(max_size=300),
    st.sampled_from(
        [
            "multipart/form-data; boundary=b",
            "multipart/form-data",
            "text/plain",
            "",
            'multipart/mixed; boundary="b',
        ]
    ),
)
def test_any_body_is_an_upload_or_refused(body: bytes, kind: str) -> None:
    whole = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + body + b"\r\n--b--\r\n"
    for data in (body, whole, whole + body):
        with suppress(ValueError):
            assert len(read_upload(Request("POST", "/", {}, {"content-type": kind}, data)).audio.samples)


@given(st.binary(max_size=60), st.integers(0, 100))
def test_any_damaged_wav_is_read_or_refused(junk: bytes, at: int) -> None:
    good = wav(0.2)
    data = good[:at] + junk + good[at + len(junk) :]
    try:
        audio = read_upload(request_of({"file": data})).audio
    except ValueError:
        return
    assert audio.samples.dtype == np.int16
