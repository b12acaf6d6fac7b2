"""What a voice can get wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
from tests.conformance.proof import breaks
from tests.conformance.right import RightTTS, is_long

from voicebot.audio import AudioChunk
from voicebot.interfaces import SynthesisEvent, WordMark
from voicebot.testing.conformance import TTSConformance as Kit


class Altered(RightTTS):
    """Changes the right audio."""

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        async for event in super().synthesize(text):
            yield self.alter(event) if isinstance(event, AudioChunk) else event

    def alter(self, chunk: AudioChunk) -> AudioChunk:
        raise NotImplementedError


@breaks(Kit, "test_it_speaks", "Nothing audible comes out.")
class Silent(Altered):
    def alter(self, chunk: AudioChunk) -> AudioChunk:
        return AudioChunk(chunk.samples // 100, chunk.sample_rate)


@breaks(Kit, "test_audio_is_int16_mono", "The samples are float32, not int16.")
class Floating(Altered):
    def alter(self, chunk: AudioChunk) -> AudioChunk:
        samples: Any = chunk.samples.astype(np.float32)
        return AudioChunk(samples, chunk.sample_rate)


@breaks(Kit, "test_audio_is_int16_mono", "The samples have 2 dimensions, not one.")
class Stereo(Altered):
    def alter(self, chunk: AudioChunk) -> AudioChunk:
        return AudioChunk(np.column_stack([chunk.samples] * 2), chunk.sample_rate)


@breaks(Kit, "test_the_rate_stays", "The sample rate changes within a clause: [8000, 16000].")
class ChangesItsRate(Altered):
    rate = 8_000

    def alter(self, chunk: AudioChunk) -> AudioChunk:
        self.rate = 24_000 - self.rate
        return AudioChunk(chunk.samples, self.rate)


@breaks(Kit, "test_events_are_of_the_interface", "Among its events is a [<class 'bytes'>].")
class YieldsBytes(RightTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[Any, None]:
        yield b"RIFF"
        async for event in super().synthesize(text):
            yield event


@breaks(Kit, "test_word_marks_are_in_order", "Word marks are out of order: [0.1, 0.0, 0.1…].")
class MarksOutOfOrder(RightTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        yield WordMark("second", 0.1)
        async for event in super().synthesize(text):
            yield event


@breaks(
    Kit,
    "test_word_marks_lie_in_the_audio",
    "A word mark lies outside of the audio: [WordMark(text='late', start_s=99)].",
)
class MarksOutside(RightTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        async for event in super().synthesize(text):
            yield event
        yield WordMark("late", 99)


@breaks(Kit, "test_odd_text_is_no_error", "Given '🙂' it raises UnicodeEncodeError(…).")
class AsciiOnly(RightTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        text.encode("ascii")
        async for event in super().synthesize(text):
            yield event


@breaks(Kit, "test_a_slow_reader_gets_every_sample", "A slow reader gets … samples, a quick one 8000.")
class DropsWhatIsNotRead(RightTTS):
    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        made: asyncio.Queue[SynthesisEvent | None] = asyncio.Queue(2)
        making = asyncio.create_task(self.make(text, made))
        try:
            while (event := await made.get()) is not None:
                yield event
        finally:
            making.cancel()
            await asyncio.wait([making])

    async def make(self, text: str, made: asyncio.Queue[SynthesisEvent | None]) -> None:
        async for event in super().synthesize(text):
            if not made.full():
                made.put_nowait(event)
        await made.put(None)


@breaks(
    Kit,
    "test_after_closing_it_speaks",
    "After a stream was closed a clause has 9600 samples, before it 8000.",
)
class SpoiltByClosing(RightTTS):
    left = False

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        if self.left and not is_long(text):
            self.left = False
            text = f"{text} left"
        try:
            async for event in super().synthesize(text):
                yield event
        except GeneratorExit:
            self.left = is_long(text)
            raise


@breaks(
    Kit, "test_clauses_side_by_side", "One after the other they have [1600, 12800] samples, at a time […]."
)
class OneAtATime(RightTTS):
    busy = False

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        if self.busy:
            return
        self.busy = True
        try:
            async for event in super().synthesize(text):
                yield event
        finally:
            self.busy = False
