"""What is asked of a recogniser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import cycle

import numpy as np

from voicebot.audio import AudioChunk
from voicebot.interfaces import STT, FinalTranscript, InterimTranscript
from voicebot.testing.conformance.activity import Activity
from voicebot.testing.conformance.memory import memory_over
from voicebot.testing.conformance.provider import ProviderConformance, checked
from voicebot.testing.conformance.rules import cancel, expect, settled

__all__ = ["STTConformance"]

_RATE = 16_000
_ODD_SIZES = (1, 159, 333, 0, 4_001)


class STTConformance(ProviderConformance[STT]):
    """Attributes:
    speech: a few seconds at 16 kHz.
    words: some that its transcript must hold, in any case.
    """

    held_bytes = 1 << 20
    speech: AudioChunk
    words: str

    async def first_result(self, provider: STT) -> FinalTranscript:
        return await _recognise(provider, self.speech)

    async def whole(self, stt: STT) -> FinalTranscript:
        """The speech's transcript, pushed in one piece."""
        whole: FinalTranscript = await self.first(stt)
        return whole

    def _has_words(self, transcript: FinalTranscript) -> bool:
        return self.words.casefold() in transcript.text.casefold()

    @checked
    async def test_it_recognises(self, stt: STT) -> None:
        """The transcript holds the words."""
        whole = await self.whole(stt)
        expect(self._has_words(whole), f"It heard {whole.text!r}, which lacks {self.words!r}.")

    @checked
    async def test_audio_s_is_exact(self, stt: STT) -> None:
        """`audio_s` is the duration of what was pushed, to the sample."""
        counted = (await self.whole(stt)).audio_s * _RATE
        expect(
            abs(counted - len(self.speech.samples)) < 0.5,
            f"Its audio_s counts {counted:.1f} samples of {len(self.speech.samples)}.",
        )

    @checked
    async def test_max_utterance_is_a_duration(self, stt: STT) -> None:
        """`max_utterance_s` is positive."""
        expect(stt.max_utterance_s > 0, "Its max_utterance_s is not positive.")

    @checked
    async def test_chunk_sizes_do_not_matter(self, stt: STT) -> None:
        """Chunks of 1, 159, 333, 0 and 4,001 samples make the same transcript as the whole."""
        whole, cut = await self.whole(stt), await _recognise(stt, *_cut(self.speech))
        expect(cut.text == whole.text, f"In odd pieces it heard {cut.text!r}, in one {whole.text!r}.")
        same = abs(cut.audio_s - whole.audio_s) < 0.5 / _RATE
        expect(same, f"In odd pieces it counted {cut.audio_s} s, in one {whole.audio_s} s.")

    @checked
    async def test_silence_has_no_words(self, stt: STT) -> None:
        """The transcript of a second of silence is empty, and that of nothing at all."""
        for audio in (AudioChunk.silence(1000, _RATE), AudioChunk.silence(0, _RATE)):
            text = (await _recognise(stt, audio)).text
            expect(not text, f"It made {text!r} of {audio.duration_s:g} s of silence.")

    @checked
    async def test_finalize_may_come_again(self, stt: STT) -> None:
        """A `finalize()` after more audio covers all of it."""
        whole = await self.whole(stt)
        half = len(self.speech.samples) // 2
        utterance = stt.start(_ignore)
        try:
            utterance.push(AudioChunk(self.speech.samples[:half], _RATE))
            await utterance.finalize()
            utterance.push(AudioChunk(self.speech.samples[half:], _RATE))
            final = await utterance.finalize()
        finally:
            await utterance.aclose()
        same_words = self._has_words(final) or not self._has_words(whole)
        expect(
            same_words and abs(final.audio_s - whole.audio_s) < 0.5 / _RATE,
            f"finalize() after more audio is {final.text!r} of {final.audio_s:.2f} s, not of {whole.audio_s:.2f} s.",
        )

    @checked
    async def test_utterances_side_by_side(self, stt: STT) -> None:
        """Two utterances at a time do not disturb each other."""
        whole = await self.whole(stt)
        silence = await _recognise(stt, AudioChunk(np.zeros_like(self.speech.samples), _RATE))
        speaking, silent = stt.start(_ignore), stt.start(_ignore)
        try:
            for chunk in _cut(self.speech, [_RATE // 4]):
                speaking.push(chunk)
                silent.push(AudioChunk(np.zeros_like(chunk.samples), _RATE))
            spoken, nothing = await asyncio.gather(speaking.finalize(), silent.finalize())
        finally:
            await speaking.aclose()
            await silent.aclose()
        apart = spoken.text == whole.text and nothing.text == silence.text
        expect(apart, f"At a time, speech is {spoken.text!r} to it and silence {nothing.text!r}.")

    @checked
    async def test_no_interim_after_aclose(self, stt: STT) -> None:
        """Once `aclose()` is called, `on_interim` is not, and the work stops within `cancel_s`."""
        interims: list[InterimTranscript] = []
        activity = Activity(self.rest_s)
        utterance = stt.start(interims.append)
        for chunk in _cut(self.speech):
            utterance.push(chunk)
            await asyncio.sleep(0)
        before = len(interims)
        await utterance.aclose()
        await utterance.aclose()
        ended = await activity.ends_within(self.cancel_s)
        expect(ended, f"It still works {self.cancel_s:g} s after its utterance was closed.")
        expect(len(interims) == before, "on_interim is called after aclose().")

    @checked
    async def test_cancelling_ends_as_cancelled(self, stt: STT) -> None:
        """A cancelled `finalize()` ends, and its work with it, within `cancel_s`."""
        activity = Activity(self.rest_s)
        utterance = stt.start(_ignore)
        try:
            utterance.push(self.speech)
            await cancel(asyncio.create_task(utterance.finalize()), self.cancel_s)
        finally:
            await utterance.aclose()
        ended = await activity.ends_within(self.cancel_s)
        expect(ended, f"It still works {self.cancel_s:g} s after its finalize() was cancelled.")

    @checked
    async def test_after_an_abandoned_one_it_recognises(self, stt: STT) -> None:
        """An utterance that is closed without `finalize()` does not disturb the next one."""
        whole = await self.whole(stt)
        abandoned = stt.start(_ignore)
        abandoned.push(self.speech)
        await abandoned.aclose()
        text = (await _recognise(stt, self.speech)).text
        expect(
            text == whole.text, f"After an abandoned utterance it heard {text!r}, before it {whole.text!r}."
        )

    @checked
    async def test_closed_utterances_keep_nothing(self, stt: STT) -> None:
        """The audio of an utterance is let go with it."""
        seconds = 10
        count = self.held_bytes // (2 * seconds * _RATE) + 2
        await self.whole(stt)  # what is imported for it counts for nothing
        with memory_over(self.held_bytes) as too_much:
            for _ in range(count):
                utterance = stt.start(_ignore)
                utterance.push(AudioChunk.silence(1000 * seconds, _RATE))
                await utterance.aclose()
            let_go = await settled(lambda: not too_much(), self.cancel_s)
        expect(let_go, f"Closed utterances keep their audio: more than {self.held_bytes >> 10} KiB are held.")


async def _recognise(stt: STT, *chunks: AudioChunk) -> FinalTranscript:
    utterance = stt.start(_ignore)
    try:
        for chunk in chunks:
            utterance.push(chunk)
        return await utterance.finalize()
    finally:
        await utterance.aclose()


def _cut(audio: AudioChunk, sizes: Iterable[int] = _ODD_SIZES) -> Iterator[AudioChunk]:
    start = 0
    for size in cycle(sizes):
        if start >= len(audio.samples):
            return
        yield AudioChunk(audio.samples[start : start + size], audio.sample_rate)
        start += size


def _ignore(interim: InterimTranscript) -> None:
    pass
