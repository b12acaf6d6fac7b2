"""What is asked of a voice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import numpy as np

from voicebot.audio import AudioChunk, first_audible
from voicebot.interfaces import TTS, SynthesisEvent, WordMark
from voicebot.testing.conformance.provider import checked
from voicebot.testing.conformance.rules import ConformanceError, expect
from voicebot.testing.conformance.streams import StreamConformance

__all__ = ["TTSConformance"]

_CLAUSE = "Good morning. How are you?"
"""In two sentences: some voices make a chunk of each."""
_ODD = ("", " ", "...", "🙂", "a", "<b>[[x]]</b> & \\ $%", "\x00\ud800")
_LONG = "The meeting is at ten. " * 400


class TTSConformance(StreamConformance[TTS]):
    """Attributes:
    varies: by how much of its length a clause may differ from the same one before; 0 for a voice without chance.
    """

    result = AudioChunk
    varies: float = 0.0

    def short_stream(self, provider: TTS) -> AsyncGenerator[SynthesisEvent, None]:
        return provider.synthesize(_CLAUSE)

    def long_stream(self, provider: TTS) -> AsyncGenerator[SynthesisEvent, None]:
        return provider.synthesize(_LONG)

    async def clause(self, tts: TTS) -> list[SynthesisEvent]:
        """All of a short one."""
        found = self.stage.found
        if "clause" not in found:
            found["clause"] = await _speak(tts, _CLAUSE)
        clause: list[SynthesisEvent] = found["clause"]
        return clause

    def as_long(self, count: int, expected: int) -> bool:
        return abs(count - expected) <= self.varies * expected

    @checked
    async def test_it_speaks(self, tts: TTS) -> None:
        """Something audible comes out."""
        parts = [np.asarray(chunk.samples).ravel() for chunk in _chunks(await self.clause(tts))]
        audible = first_audible(np.concatenate(parts)) if parts else None
        expect(audible is not None, "Nothing audible comes out.")

    @checked
    async def test_events_are_of_the_interface(self, tts: TTS) -> None:
        """A clause is made of `AudioChunk` and `WordMark`."""
        wrong = [type(e) for e in await self.clause(tts) if not isinstance(e, AudioChunk | WordMark)]
        expect(not wrong, f"Among its events is a {wrong[:1]}.")

    @checked
    async def test_audio_is_int16_mono(self, tts: TTS) -> None:
        """The samples are int16, in one dimension."""
        for chunk in _chunks(await self.clause(tts)):
            expect(chunk.samples.dtype == np.int16, f"The samples are {chunk.samples.dtype}, not int16.")
            expect(chunk.samples.ndim == 1, f"The samples have {chunk.samples.ndim} dimensions, not one.")

    @checked
    async def test_the_rate_stays(self, tts: TTS) -> None:
        """All chunks of a clause have one sample rate."""
        rates = sorted({chunk.sample_rate for chunk in _chunks(await self.clause(tts))})
        expect(len(rates) < 2, f"The sample rate changes within a clause: {rates}.")

    @checked
    async def test_word_marks_are_in_order(self, tts: TTS) -> None:
        """Word marks come in the order of their times."""
        starts = [mark.start_s for mark in _marks(await self.clause(tts))]
        expect(starts == sorted(starts), f"Word marks are out of order: {starts}.")

    @checked
    async def test_word_marks_lie_in_the_audio(self, tts: TTS) -> None:
        """A word begins where there is audio of the clause."""
        clause = await self.clause(tts)
        end_s = sum(chunk.duration_s for chunk in _chunks(clause))
        outside = [mark for mark in _marks(clause) if not 0 <= mark.start_s <= end_s]
        expect(not outside, f"A word mark lies outside of the audio: {outside[:1]}.")

    @checked
    async def test_odd_text_is_no_error(self, tts: TTS) -> None:
        """Nothing, punctuation, emoji, markup and characters that are none can be spoken."""
        for text in _ODD:
            try:
                await _speak(tts, text)
            except Exception as error:
                raise ConformanceError(f"Given {text!r} it raises {error!r}.") from error

    @checked
    async def test_a_slow_reader_gets_every_sample(self, tts: TTS) -> None:
        """However slowly a clause is read, it has as many samples."""
        expected, count = _count(await self.clause(tts)), 0
        async with aclosing(tts.synthesize(_CLAUSE)) as stream:
            async for event in stream:
                for _ in range(10):
                    await asyncio.sleep(0)
                count += len(event.samples) if isinstance(event, AudioChunk) else 0
        same = self.as_long(count, expected)
        expect(same, f"A slow reader gets {count} samples, a quick one {expected}.")

    @checked
    async def test_after_closing_it_speaks(self, tts: TTS) -> None:
        """A stream that was closed early spoils nothing."""
        expected = _count(await self.clause(tts))
        await (await self.begun(self.long_stream(tts))).aclose()
        count = _count(await _speak(tts, _CLAUSE))
        same = self.as_long(count, expected)
        expect(same, f"After a stream was closed a clause has {count} samples, before it {expected}.")

    @checked
    async def test_clauses_side_by_side(self, tts: TTS) -> None:
        """Two clauses at a time have as many samples as one after the other."""
        texts = ("One.", "Two of them are spoken at a time.")
        apart = [_count(await _speak(tts, text)) for text in texts]
        together = list(map(_count, await asyncio.gather(*(_speak(tts, text) for text in texts))))
        same = all(map(self.as_long, together, apart))
        expect(same, f"One after the other they have {apart} samples, at a time {together}.")


async def _speak(tts: TTS, text: str) -> list[SynthesisEvent]:
    async with aclosing(tts.synthesize(text)) as stream:
        return [event async for event in stream]


def _chunks(events: list[SynthesisEvent]) -> list[AudioChunk]:
    return [event for event in events if isinstance(event, AudioChunk)]


def _marks(events: list[SynthesisEvent]) -> list[WordMark]:
    return [event for event in events if isinstance(event, WordMark)]


def _count(events: list[SynthesisEvent]) -> int:
    return sum(len(chunk.samples) for chunk in _chunks(events))
