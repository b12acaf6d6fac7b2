"""The opentts TTS provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import ClassVar

from pydantic import BaseModel

from voicebot.audio import AudioChunk, resample
from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ProviderContext, SynthesisEvent
from voicebot.synthesis.silence import EdgeTrimmer
from voicebot_tts_opentts.audio import read_answer
from voicebot_tts_opentts.config import OpenTTSConfig
from voicebot_tts_opentts.line import Line
from voicebot_tts_opentts.text import for_system, has_markup, sentences, to_ssml
from voicebot_tts_opentts.voices import check_voice, read_voices

__all__ = ["OpenTTS"]

MAX_WAV_BYTES = 8 << 20
"""More than three minutes of 16-bit mono at 22,050 Hz; a sentence has at most some 400 characters."""
_MAX_LIST_BYTES = 4 << 20
_HELLO = "Hello there."


class OpenTTS:
    """Speaks through an OpenTTS server, a request for each sentence; the next is asked for while one is taken."""

    Config: ClassVar[type[BaseModel]] = OpenTTSConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, needs_network=True, licence="MIT")

    def __init__(self, config: OpenTTSConfig, context: ProviderContext) -> None:
        self._config = config
        self._language = context.language.partition("-")[0].lower()
        self._line = Line(
            config.base_url,
            "The voice",
            headers=config.headers,
            connect_timeout_s=config.connect_timeout_s,
        )
        voice, speaker = config.voice_and_speaker
        # What every request says.
        self._query = {
            "voice": f"{voice}#{speaker}" if speaker else voice,
            "cache": "true" if config.cache else "false",
        }
        for name, value in (
            ("vocoder", config.vocoder),
            ("denoiserStrength", config.denoiser),
            ("noiseScale", config.noise_scale),
            ("lengthScale", None if config.speed is None else round(1 / config.speed, 4)),
        ):
            if value is not None:
                self._query[name] = str(value)

    @classmethod
    def required_models(cls, config: OpenTTSConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Connect, look the voice up, and let the server speak once, unheard: it loads a voice at its first sentence.

        That may take a while, and is limited by the caller alone.

        Raises:
            EngineError: there is no such server or voice, or it does not speak.
        """
        if self._config.check_voice:
            line = self._line
            answer = await line.get("/api/voices", {}, max_bytes=_MAX_LIST_BYTES, timeout_s=None)
            voices = read_voices(answer.body)
            if voices is None:
                raise EngineError(
                    f"{line.where} has no list of voices as OpenTTS has one.",
                    hint="Is base_url the address of an OpenTTS server? (`check_voice: false` skips this check.)",
                )
            check_voice(*self._config.voice_and_speaker, voices, line.where)
        await self._speech({**self._query, "text": _HELLO}, timeout_s=None)

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        """Speak one clause, a chunk per sentence.

        At most one request is under way: the second sentence is asked for when the first has come, while it is taken.
        Closing the generator closes the connection of that request.

        Raises:
            EngineError: closed; the server cannot be reached, refuses, takes too long, or sends no usable WAV.
        """
        waiting = self._requests(text)
        trimmer: EdgeTrimmer | None = None
        rate = 0
        ahead = self._ask(waiting)
        try:
            while ahead is not None:
                chunk = await ahead
                ahead = self._ask(waiting)
                if trimmer is None:
                    rate = chunk.sample_rate
                    trimmer = EdgeTrimmer(rate, tail_ms=self._config.tail_silence_ms)
                ready = trimmer.push(resample(chunk.samples, chunk.sample_rate, rate))
                if len(ready):
                    yield AudioChunk(ready, rate)
        finally:
            if ahead is not None:
                await _drop(ahead)
        if trimmer is not None and len(tail := trimmer.flush()):
            yield AudioChunk(tail, rate)

    def _requests(self, text: str) -> Iterator[dict[str, str]]:
        """What to ask for, one after the other."""
        if self._config.ssml == "pass" and has_markup(text):
            yield {**self._query, "ssml": "true", "lang": self._language, "text": to_ssml(text)}
            return
        for sentence in sentences(text):
            yield {**self._query, "text": for_system(sentence, self._config.system)}

    def _ask(self, waiting: Iterator[dict[str, str]]) -> asyncio.Task[AudioChunk] | None:
        query = next(waiting, None)
        if query is None:
            return None
        speech = self._speech(query, timeout_s=self._config.timeout_s)
        return asyncio.create_task(speech, name="opentts sentence")

    async def _speech(self, query: dict[str, str], *, timeout_s: float | None) -> AudioChunk:
        answer = await self._line.get("/api/tts", query, max_bytes=MAX_WAV_BYTES, timeout_s=timeout_s)
        return await asyncio.to_thread(read_answer, answer.kind, answer.body, self._line.where)

    async def aclose(self) -> None:
        """Close the connections; a synthesis in progress fails."""
        await self._line.aclose()


async def _drop(task: asyncio.Task[AudioChunk]) -> None:
    """Cancel it and see it end; what became of it is of no interest."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
