"""The espeak TTS provider."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Container, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar

from pydantic import BaseModel
from rapidfuzz import process

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ProviderContext, SynthesisEvent, WordMark
from voicebot.synthesis.silence import SILENT_BELOW, EdgeTrimmer
from voicebot.synthesis.text import pieces, safe_text
from voicebot_tts_espeak.config import EspeakConfig
from voicebot_tts_espeak.engine import Engine, VoiceSettings, WordEvent, load_engine
from voicebot_tts_espeak.words import WordTimes

__all__ = ["EspeakTTS"]

_Piece = tuple[Samples, list[WordEvent]]


class EspeakTTS:
    """Speaks with eSpeak NG: robotic, in a hundred languages, first audio within a millisecond."""

    Config: ClassVar[type[BaseModel]] = EspeakConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True,
        word_times=True,
        sample_rates=(22050,),
        licence="GPL-3.0-or-later",
        modules=("espeakng_loader",),
        extra="espeak",
    )

    def __init__(self, config: EspeakConfig, context: ProviderContext) -> None:
        self._config = config
        self._language = context.language
        self._settings = VoiceSettings(
            config.voice or "", config.words_per_minute, config.pitch, config.volume
        )
        self._engine: Engine | None = None

    @classmethod
    def required_models(cls, config: EspeakConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Load the engine and the voice.

        Raises:
            EngineError: there is no such voice, or none of the call's language, or the library does not load.
        """
        self._engine = await asyncio.to_thread(self._load)

    def _load(self) -> Engine:
        engine = load_engine()
        if self._config.voice is None:
            self._settings = replace(self._settings, voice=_of_language(self._language, engine.voices()))
        _check_voice(engine, self._settings.voice)
        engine.speak("a", self._settings, lambda samples, words: True)
        return engine

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        """Speak one clause; every word of `text` gets one mark, ahead of its audio.

        Raises:
            EngineError: not warmed up, closed, or eSpeak failed.
        """
        engine = self._engine
        if engine is None:
            raise EngineError("espeak is not warmed up.", kind="tts", plugin="espeak")
        rate = engine.sample_rate
        text = safe_text(text)
        words = WordTimes(text)
        trimmer = EdgeTrimmer(
            rate, tail_ms=self._config.tail_silence_ms, threshold=SILENT_BELOW * self._config.volume / 100
        )
        marks: list[WordMark] = []
        taken = given = 0
        for position, piece in pieces(text):
            start_s = taken / rate
            async with aclosing(self._stream(engine, piece)) as stream:
                async for samples, events in stream:
                    taken += len(samples)
                    for event in events:
                        marks += words.event(position + event.position, start_s + event.start_s)
                    if not len(ready := trimmer.push(samples)):
                        continue
                    for mark in marks:
                        yield WordMark(mark.text, max(0.0, mark.start_s - trimmer.dropped / rate))
                    marks = []
                    given += len(ready)
                    yield AudioChunk(ready, rate)
        if not given:
            return
        tail = trimmer.flush()
        end_s = (given + len(tail)) / rate
        for mark in marks + words.finish(end_s + trimmer.dropped / rate):
            yield WordMark(mark.text, min(end_s, max(0.0, mark.start_s - trimmer.dropped / rate)))
        if len(tail):
            yield AudioChunk(tail, rate)

    async def _stream(self, engine: Engine, text: str) -> AsyncGenerator[_Piece, None]:
        """Chunks of one piece of text, as the engine makes them.

        The thread never waits for the listener: eSpeak is one per process, and a slow reader that held it
        would silence everyone else. What bounds the queue is the length of a piece, and the next piece is not
        begun before this one has been taken.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[_Piece | None] = asyncio.Queue()
        stopped = threading.Event()

        def sink(samples: Samples, events: list[WordEvent]) -> bool:
            if stopped.is_set():
                return False
            loop.call_soon_threadsafe(queue.put_nowait, (samples, events))
            return True

        def work() -> None:
            try:
                if not stopped.is_set():
                    engine.speak(text, self._settings, sink)
            finally:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is waiting
                    loop.call_soon_threadsafe(queue.put_nowait, None)

        job = loop.run_in_executor(None, work)
        try:
            while (item := await queue.get()) is not None:
                yield item
            await job
        finally:
            stopped.set()
            # An error of a job that nobody waits for any more is nobody's.
            job.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def aclose(self) -> None:
        """The library stays loaded: it belongs to the process, not to this provider."""
        self._engine = None


def _of_language(tag: str, known: Container[str]) -> str:
    """The voice for a BCP 47 tag: of the region, or else of the language."""
    language = tag.lower()
    if language == "en":
        return "en-us"  # eSpeak's own choice is the British voice
    primary = language.partition("-")[0]
    for name in (language, primary):
        if name in known:
            return name
    raise EngineError(
        f"espeak has no voice of the call's language {tag!r}.",
        kind="tts",
        plugin="espeak",
        hint="Name one of its voices in `voice`; `espeak-ng --voices` lists them all.",
    )


def _check_voice(engine: Engine, name: str) -> None:
    base, _, variant = name.partition("+")
    known = engine.voices()
    if base.lower() not in known:
        raise _unknown(f"espeak has no voice {base!r}.", base.lower(), known)
    if "+" in name and variant not in engine.variants:
        raise _unknown(f"espeak has no voice variant {variant!r}.", variant, engine.variants)


def _unknown(message: str, name: str, known: Iterable[str]) -> EngineError:
    nearest = [match for match, _, _ in process.extract(name, sorted(known), limit=3)]
    hint = f"The nearest: {', '.join(nearest)}. `espeak-ng --voices` lists them all." if nearest else ""
    return EngineError(message, kind="tts", plugin="espeak", hint=hint)
