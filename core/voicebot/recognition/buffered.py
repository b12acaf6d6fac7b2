"""An utterance for engines that transcribe whole buffers."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import AudioError, EngineError
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot.recognition.context import MAX_S, SAMPLE_RATE
from voicebot.recognition.evidence import cannot_matter
from voicebot.recognition.schedule import InterimSchedule

__all__ = ["BufferedUtterance", "Transcribe"]

log = logging.getLogger(__name__)

Transcribe: TypeAlias = Callable[[Samples, bool, Callable[[], bool]], FinalTranscript]
"""(int16 samples at 16 kHz, whether it is for a final, whether to give up) -> transcript.

Blocking, called in threads: one interim and any finals may overlap. Once told to give up it should return or
raise early; what it returns or raises then is ignored.
"""


class BufferedUtterance:
    """Implements `voicebot.interfaces.Utterance`.

    While audio comes in, one interim after the other transcribes the whole buffer, in a thread. `finalize` tells
    the one in progress to give up, and starts at once beside it. Silence after a transcript needs no new one.

    Args:
        transcribe: the engine.
        on_interim: called on the event loop.
        interim_interval_ms: 0 for no interims.
    """

    def __init__(
        self,
        transcribe: Transcribe,
        on_interim: Callable[[InterimTranscript], None],
        interim_interval_ms: float,
    ) -> None:
        self._transcribe = transcribe
        self._on_interim = on_interim
        self._schedule = InterimSchedule(interim_interval_ms / 1000)
        self._chunks: list[Samples] = []
        self._count = 0
        self._peak = self._peak_since_interim = self._peak_since_final = 0
        self._overflowed = False
        self._closed = False
        self._final: FinalTranscript | None = None
        self._giving_up: set[threading.Event] = set()  # one per thread at work
        self._interim_gives_up = threading.Event()
        self._finals = 0
        self._changed = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._interims = interim_interval_ms > 0

    @property
    def audio_s(self) -> float:
        return self._count / SAMPLE_RATE

    def push(self, chunk: AudioChunk) -> None:
        """Add audio (16 kHz mono). What exceeds 30 s is dropped, with one line in the log.

        Raises:
            AudioError: its rate is another.
        """
        if chunk.sample_rate != SAMPLE_RATE:
            raise AudioError(f"Speech recognition takes {SAMPLE_RATE} Hz, not {chunk.sample_rate} Hz.")
        room = int(MAX_S * SAMPLE_RATE) - self._count
        if len(chunk.samples) > room and not self._overflowed:
            self._overflowed = True
            log.warning("An utterance is longer than %d s; the rest of it is not transcribed.", MAX_S)
        if self._closed or room <= 0 or not len(chunk.samples):
            return
        samples = chunk.samples[:room].copy()
        self._chunks.append(samples)
        self._count += len(samples)
        peak = int(np.abs(samples, dtype=np.float32).max())
        self._peak = max(self._peak, peak)
        self._peak_since_interim = max(self._peak_since_interim, peak)
        self._peak_since_final = max(self._peak_since_final, peak)
        self._changed.set()
        if self._interims and self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._run_interims(), name="stt interims")

    async def finalize(self) -> FinalTranscript:
        """See `Utterance.finalize`. Cancelling it tells the engine to give up."""
        if self._closed:
            raise EngineError("The utterance was closed before it was transcribed.", kind="stt")
        self._schedule.supersede(self.audio_s)
        if self._final is not None and cannot_matter(self._peak, self._peak_since_final):
            return replace(self._final, audio_s=self.audio_s)
        samples, self._final, self._peak_since_final = self._samples(), None, 0
        self._interim_gives_up.set()
        self._finals += 1
        try:
            found = await self._in_thread(samples, True, threading.Event())
        finally:
            self._finals -= 1
            self._changed.set()
        if self._closed:
            raise EngineError("The utterance was closed while it was being transcribed.", kind="stt")
        if len(samples) / SAMPLE_RATE >= self._schedule.wanted_s:  # no later finalize is under way
            self._final = found
        return found

    async def aclose(self) -> None:
        """See `Utterance.aclose`."""
        self._closed = True
        for event in self._giving_up:
            event.set()
        self._chunks.clear()
        self._count = 0
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.wait([worker])

    def _samples(self) -> Samples:
        if len(self._chunks) != 1:
            self._chunks = [np.concatenate([np.zeros(0, np.int16), *self._chunks])]
        return self._chunks[0]

    async def _in_thread(self, samples: Samples, final: bool, give_up: threading.Event) -> FinalTranscript:
        self._giving_up.add(give_up)
        try:
            return await asyncio.to_thread(self._transcribe, samples, final, give_up.is_set)
        except asyncio.CancelledError:
            give_up.set()
            raise
        finally:
            self._giving_up.discard(give_up)

    async def _run_interims(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            wait = None if self._finals else self._schedule.wait(loop.time(), self.audio_s)
            if wait is None:
                await self._changed.wait()
            elif wait > 0:
                await asyncio.sleep(wait)
            else:
                try:
                    await self._interim()
                except Exception as error:
                    unexpected = not isinstance(error, EngineError)
                    log.warning(
                        "No more interim transcripts of this utterance: %s", error, exc_info=unexpected
                    )
                    return

    async def _interim(self) -> None:
        loop = asyncio.get_running_loop()
        audio_s = self.audio_s
        if cannot_matter(self._peak, self._peak_since_interim):
            self._schedule.skip(audio_s)
            return
        samples, self._peak_since_interim = self._samples(), 0
        self._interim_gives_up = threading.Event()
        self._schedule.start(loop.time(), audio_s)
        try:
            found = await self._in_thread(samples, False, self._interim_gives_up)
        except EngineError:
            if not self._interim_gives_up.is_set():
                raise
            return
        finally:
            self._schedule.finish(loop.time())
        if found.text and not self._closed and self._schedule.deliverable(audio_s):
            self._on_interim(InterimTranscript(found.text, audio_s))
