"""A fake OpenTTS 2.1 whose voices are all eSpeak NG, in this process.

The addresses, the shape of the lists, the form of the WAVs and the answers to what is wrong are OpenTTS's own, after
its `app.py` and `tts.py` (https://github.com/synesthesiam/opentts, version 2.1): everything that fails is a 500
with the exception as text, and eSpeak's text goes through `shlex.quote` although there is no shell.

    async with FakeServer(app(delay_s_per_char=0.01)) as server: ...
"""

from __future__ import annotations

import asyncio
import io
import shlex
import wave
from collections.abc import Awaitable, Callable
from xml.etree import ElementTree

import numpy as np

from voicebot.audio import Samples, resample
from voicebot.testing.fakes.messages import Handler, Request, Response, json_response
from voicebot.testing.fakes.opentts_voices import VOICES, FakeVoice, resolve

__all__ = ["app"]

_WPM = 165
_TRUE = frozenset({"true", "yes", "on", "1", "enable"})
_FIELDS = ("language", "locale", "gender", "tts_name")


def app(
    *,
    delay_s: float = 0.0,
    delay_s_per_char: float = 0.0,
    before: Callable[[str], Awaitable[None]] | None = None,
) -> Handler:
    """What answers the requests.

    Args:
        delay_s, delay_s_per_char: how long a synthesis takes at least, to imitate a neural voice's speed.
        before: awaited before each synthesis, with its text.
    """

    async def handle(request: Request) -> Response:
        try:
            if request.path == "/api/voices":
                return json_response(_listed(request))
            if request.path == "/api/languages":
                return json_response(sorted({str(voice["language"]) for voice in _listed(request).values()}))
            if request.path == "/api/tts":
                return await speak(request)
        except (AssertionError, KeyError, ValueError, ElementTree.ParseError) as error:
            return _failed(error)
        words = "The requested URL was not found on the server."
        return Response(500, _TEXT, f"NotFound: 404 Not Found: {words}".encode())

    async def speak(request: Request) -> Response:
        query = request.query
        if not (name := query.get("voice", "")):
            raise AssertionError("No voice provided")
        posted = request.method == "POST"
        if not (text := request.body.decode() if posted else query.get("text", "")):
            raise AssertionError("No text provided")
        if "#" not in name and query.get("speakerId", ""):
            name = f"{name}#{query['speakerId']}"
        voice, speaker = resolve(name)
        length_scale = float(query.get("lengthScale", 1.0))
        if before is not None:
            await before(text)
        await asyncio.sleep(delay_s + delay_s_per_char * len(text))
        rate_wpm = round(_WPM / max(length_scale, 0.05)) if voice.takes_settings else _WPM
        ssml = query.get("ssml", "false").strip().lower() in _TRUE
        pieces = _ssml_pieces(text) if ssml else [(line.strip(), 0.0) for line in text.strip().splitlines()]
        samples = await asyncio.to_thread(_say, voice, speaker, rate_wpm, pieces)
        return Response(200, {"Content-Type": "audio/wav"}, _wav(samples, voice.sample_rate))

    return handle


_TEXT = {"Content-Type": "text/html; charset=utf-8"}


def _failed(error: Exception) -> Response:
    return Response(500, _TEXT, f"{type(error).__name__}: {error}".encode("utf-8", "replace"))


def _listed(request: Request) -> dict[str, dict[str, object]]:
    wanted = {name: request.query[name] for name in _FIELDS if name in request.query}
    listed = {voice.name: voice.entry() for voice in VOICES}
    return {
        name: entry
        for name, entry in listed.items()
        if all(entry[field] == value for field, value in wanted.items())
    }


def _ssml_pieces(text: str) -> list[tuple[str, float]]:
    """What is said, and how many seconds of silence come after it."""
    pieces: list[tuple[str, float]] = []

    def walk(element: ElementTree.Element) -> None:
        if element.tag == "break":
            time = element.get("time", "0s")
            seconds = float(time[:-2]) / 1000 if time.endswith("ms") else float(time.removesuffix("s"))
            pieces.append(("", min(seconds, 10.0)))
        elif element.tag == "sub":
            pieces.append((element.get("alias", ""), 0.0))
        else:
            pieces.append((element.text or "", 0.0))
            for child in element:
                walk(child)
                pieces.append((child.tail or "", 0.0))

    walk(ElementTree.fromstring(text))
    return [(said.strip(), pause) for said, pause in pieces if said.strip() or pause]


def _say(voice: FakeVoice, speaker: int, rate_wpm: int, pieces: list[tuple[str, float]]) -> Samples:
    from voicebot_tts_espeak.engine import VoiceSettings, load_engine

    engine = load_engine()
    settings = VoiceSettings(
        voice.espeak, min(450, max(80, rate_wpm)), (voice.pitch + 7 * speaker) % 100, 100
    )
    parts: list[Samples] = []

    def take(samples: Samples, words: object) -> bool:
        parts.append(samples)
        return True

    for text, pause_s in pieces:
        if text:
            quoted = shlex.quote(text) if voice.system == "espeak" else text
            engine.speak(quoted.replace("\0", " "), settings, take)
        parts.append(np.zeros(round(pause_s * engine.sample_rate), np.int16))
    samples = np.concatenate([np.zeros(0, np.int16), *parts])
    if not len(samples):
        raise AssertionError("No audio returned from synthesis")
    return resample(samples, engine.sample_rate, voice.sample_rate)


def _wav(samples: Samples, sample_rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sample_rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
