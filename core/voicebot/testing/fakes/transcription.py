"""A fake of OpenAI's, Groq's and whisper.cpp's transcription servers, whose ears may be real.

    async with FakeServer(app(api_key="key", text="What time is it?")) as server:
        ...                                     # use f"{server.url}/v1"

    app(engine=provider)                        # transcribed by a recogniser of voicebot that was warmed up
    app(engine="fasterwhisper")                 # by an installed one with its defaults, loaded at the first request

It answers `POST .../audio/transcriptions`, `GET .../models` and `GET .../models/<id>` below any prefix, and
whisper.cpp's `POST /inference`, which asks for no key and no model and reports errors with status 200.
"""

from __future__ import annotations

import asyncio
import io
import wave
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from itertools import count
from math import log

import soundfile

from voicebot.audio import AudioChunk, resample, to_int16
from voicebot.errors import VoicebotError
from voicebot.interfaces import STT, FinalTranscript, ProviderContext
from voicebot.testing.fakes.http import Handler, Request, Response, json_response

__all__ = ["Upload", "app", "load_engine", "read_upload"]

MODELS = ("whisper-large-v3", "whisper-large-v3-turbo")

_RATE = 16_000
_LONGEST_S = 600
_SHORTEST_S = 0.1
_LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French", "it": "Italian"}


@dataclass(frozen=True, slots=True)
class Upload:
    """What a client sent."""

    fields: dict[str, str]
    file_name: str
    audio: AudioChunk
    """Mono, at the file's own rate."""


def app(
    *,
    models: Sequence[str] = MODELS,
    api_key: str | None = None,
    text: str | Callable[[Upload], str] = "This is what a fake server heard.",
    engine: STT | str | None = None,
    delay_s: float = 0.0,
    avg_logprob: float = -0.2,
    no_speech_prob: float = 0.01,
    json_only: bool = False,
) -> Handler:
    """A handler for `FakeServer`.

    Args:
        models: the ids that it lists and takes.
        api_key: the only key that it takes; None takes any, and none.
        text: what it hears in every upload, unless there is an `engine`.
        engine: a recogniser of voicebot, which hears the first 30 s; the caller closes it. Or the name of one.
        delay_s: how long it thinks.
        avg_logprob, no_speech_prob: what `verbose_json` says of `text`; an engine's own confidence comes before.
        json_only: it refuses `verbose_json`, as OpenAI's gpt-4o-transcribe does.
    """
    return _Fake(tuple(models), api_key, text, engine, delay_s, avg_logprob, no_speech_prob, json_only).answer


class _Refusal(Exception):
    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param


@dataclass(slots=True)
class _Fake:
    models: tuple[str, ...]
    api_key: str | None
    text: str | Callable[[Upload], str]
    engine: STT | str | None
    delay_s: float
    avg_logprob: float
    no_speech_prob: float
    json_only: bool
    ids: count[int] = field(default_factory=lambda: count(1))
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, request: Request) -> Response:
        whisper_cpp = request.path == "/inference"
        try:
            return await (self._transcribe(request, whisper_cpp) if whisper_cpp else self._route(request))
        except _Refusal as refusal:
            if whisper_cpp:
                return json_response({"error": refusal.message})
            kind = "invalid_request_error" if refusal.status < 500 else "internal_server_error"
            error = {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.code}
            return json_response({"error": error}, refusal.status)

    async def _route(self, request: Request) -> Response:
        if self.api_key is not None and request.headers.get("authorization") != f"Bearer {self.api_key}":
            raise _Refusal(401, "Invalid API Key", code="invalid_api_key")
        _, one, name = request.path.rpartition("/models/")
        if request.method == "POST" and request.path.endswith("/audio/transcriptions"):
            return await self._transcribe(request, False)
        if request.method == "GET" and request.path.endswith("/models"):
            return json_response({"object": "list", "data": [_model(name) for name in self.models]})
        if request.method == "GET" and one:
            self._know(name)
            return json_response(_model(name))
        raise _Refusal(404, f"Unknown request URL: {request.method} {request.path}.", code="unknown_url")

    def _know(self, model: str) -> None:
        if model not in self.models:
            words = f"The model `{model}` does not exist or you do not have access to it."
            raise _Refusal(404, words, code="model_not_found")

    async def _transcribe(self, request: Request, whisper_cpp: bool) -> Response:
        try:
            upload = read_upload(request)
        except ValueError as error:
            raise _Refusal(400, str(error), param="file") from None
        if not whisper_cpp:
            self._know(upload.fields.get("model", ""))
            if upload.audio.duration_s < _SHORTEST_S:
                words = "Audio file is too short. Minimum audio length is 0.1 seconds."
                raise _Refusal(400, words, code="audio_too_short", param="file")
        form = upload.fields.get("response_format", "json")
        if form not in {"json", "text", "verbose_json"} or (form == "verbose_json" and self.json_only):
            words = (
                f"response_format '{form}' is not compatible with this model. Use 'json' or 'text' instead."
            )
            raise _Refusal(400, words, code="unsupported_value", param="response_format")
        await asyncio.sleep(self.delay_s)
        return self._written(await self._hear(upload), upload, form)

    async def _hear(self, upload: Upload) -> FinalTranscript:
        if self.engine is None:
            text = self.text if isinstance(self.text, str) else self.text(upload)
            return FinalTranscript(text, upload.audio.duration_s)
        try:
            async with self.loading:
                if isinstance(self.engine, str):
                    self.engine = await load_engine(self.engine)
            utterance = self.engine.start(lambda interim: None)
            try:
                utterance.push(
                    AudioChunk(resample(upload.audio.samples, upload.audio.sample_rate, _RATE), _RATE)
                )
                return await utterance.finalize()
            finally:
                await utterance.aclose()
        except VoicebotError as error:
            raise _Refusal(500, str(error)) from error

    def _written(self, heard: FinalTranscript, upload: Upload, form: str) -> Response:
        text = f" {heard.text}" if heard.text else ""
        if form == "text":
            return Response(200, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())
        answer: dict[str, object] = {"text": text}
        if form == "verbose_json":
            language = upload.fields.get("language") or heard.language or "en"
            segments = [self._segment(heard, upload, text)] if text else []
            answer = {
                "task": "transcribe",
                "language": _LANGUAGES.get(language, language),
                "duration": upload.audio.duration_s,
                "text": text,
                "segments": segments,
            }
        return json_response({**answer, "x_groq": {"id": f"req_fake{next(self.ids):08d}"}})

    def _segment(self, heard: FinalTranscript, upload: Upload, text: str) -> dict[str, object]:
        known = heard.confidence
        data = text.encode()
        return {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": upload.audio.duration_s,
            "text": text,
            "tokens": [],
            "temperature": float(upload.fields.get("temperature") or 0),
            "avg_logprob": self.avg_logprob if known is None else log(max(known, 1e-9)),
            "compression_ratio": len(data) / len(zlib.compress(data)),
            "no_speech_prob": self.no_speech_prob,
        }


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1_728_413_088, "owned_by": "voicebot", "active": True}


async def load_engine(name: str) -> STT:
    """An installed recogniser with its defaults, warmed up; the caller closes it.

    Raises:
        VoicebotError: there is none of that name, or it or its model is not installed.
    """
    from voicebot.models import ModelStore
    from voicebot.plugins import Section, create, find_plugin, load

    info = find_plugin("stt", name)
    plugin = load(info)
    settings = {"interim_interval_ms": 0} if "interim_interval_ms" in plugin.Config.model_fields else {}
    section = Section(info, plugin, plugin.Config.model_validate(settings))
    provider: STT = create("stt", section, ProviderContext(models=ModelStore()))
    await provider.warmup()
    return provider


def read_upload(request: Request) -> Upload:
    """The form of a request to transcribe.

    Raises:
        ValueError: it is no such form, or its file is no audio; the message says why.
    """
    kind = request.headers.get("content-type", "")
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    message = message_from_bytes(head + request.body)
    if message.get_content_type() != "multipart/form-data" or not message.is_multipart():
        raise ValueError("request Content-Type isn't multipart/form-data")
    if message.defects:
        raise ValueError(f"the form is damaged ({type(message.defects[0]).__name__})")
    fields: dict[str, str] = {}
    file: tuple[str, bytes] | None = None
    for part in message.get_payload():
        if not isinstance(part, Message):
            raise ValueError("the form is damaged")
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(data, bytes):
            raise ValueError("the form has a part without a name")
        if name == "file":
            file = (part.get_filename() or "", data)
        else:
            fields[name] = data.decode("utf-8", "replace")
    try:
        float(fields.get("temperature") or 0)
    except ValueError:
        raise ValueError("temperature is no number") from None
    if file is None:
        raise ValueError("no 'file' field in the request")
    return Upload(fields, file[0], _read_audio(file[1]))


def _read_audio(data: bytes) -> AudioChunk:
    if data[:4] == b"RIFF":
        _check_wav(data)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            rate: int = sound.samplerate
            if not 8_000 <= rate <= 192_000:
                raise ValueError("the file's sample rate is not supported")
            if sound.frames > _LONGEST_S * rate or sound.channels > 8:
                raise ValueError("the file is too long")
            samples = sound.read(dtype="float32", always_2d=True).mean(axis=1)
    except soundfile.SoundFileError:
        raise ValueError("could not process file - is it a valid media file?") from None
    if not len(samples):
        raise ValueError("the file holds no audio")
    return AudioChunk(to_int16(samples), rate)


def _check_wav(data: bytes) -> None:
    """libsndfile reads a WAV that is cut short without a word; it is asked about all but PCM."""
    try:
        with wave.open(io.BytesIO(data)) as reader:
            announced = reader.getnframes()
            whole = (
                len(reader.readframes(announced)) == announced * reader.getnchannels() * reader.getsampwidth()
            )
    except (wave.Error, EOFError, RuntimeError):
        return
    if not whole:
        raise ValueError("the WAV is cut short")
