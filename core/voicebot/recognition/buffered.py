"""An utterance for engines that transcribe whole buffers."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import EngineError
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot.recognition.context import SAMPLE_RATE
from voicebot.recognition.schedule import InterimSchedule
from voicebot.recognition.utterance_audio import UtteranceAudio

__all__ = ["BufferedUtterance", "Transcribe"]

log = logging.getLogger(__name__)

Transcribe: TypeAlias = Callable[[Samples, bool, Callable[[], bool]], FinalTranscript]
"""(int16 samples at 16 kHz, whether with the care of a final, whether to give up) -> transcript.

Blocking, called in threads: two interims and any finals may overlap. Once told to give up it should return or
raise early; what it returns or raises then is ignored.
"""


@dataclass(eq=False, slots=True)
class _Run:
    """One transcription, in a thread."""

    end: int
    """How many of the utterance's samples it transcribes."""
    careful: bool
    """As a final is made; its text may serve as one."""
    interim: bool
    give_up: threading.Event = field(default_factory=threading.Event)
    task: asyncio.Task[None] | None = None
    found: FinalTranscript | None = None
    error: Exception | None = None
    awaited: int = 0
    """`finalize` calls that wait for it."""


class BufferedUtterance:
    """Implements `voicebot.interfaces.Utterance`.

    While audio comes in, one interim after the other transcribes the buffer up to where its speech ends so far, in a
    thread. Where the speech fades, one is started at once and with the care of a final: `finalize` takes its text, or
    waits for it, as long as nothing was said since. Otherwise `finalize` tells interims in progress to give up, and
    starts at once beside them.

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
        self._interims = interim_interval_ms > 0
        self._timer: asyncio.TimerHandle | None = None
        self._audio = UtteranceAudio()
        self._closed = False
        self._runs: set[_Run] = set()
        self._final: _Run | None = None
        """The longest of the careful runs that have found something."""

    @property
    def audio_s(self) -> float:
        return self._audio.seconds

    def push(self, chunk: AudioChunk) -> None:
        """See `UtteranceAudio.push`."""
        if self._audio.push(chunk):
            self._consider_interim()

    async def finalize(self) -> FinalTranscript:
        """See `Utterance.finalize`. Cancelling it tells the engine to give up, unless others wait for the same."""
        if self._closed:
            raise EngineError("The utterance was closed before it was transcribed.", kind="stt")
        end, audio_s = self._audio.loudness.end, self.audio_s
        self._schedule.supersede(end / SAMPLE_RATE)
        run = self._covering() or self._start_final(end)
        await self._wait(run)
        if run.interim and run.found is None and not self._closed:
            # The engine failed: as if it had not been tried.
            run = self._start_final(end)
            await self._wait(run)
        if self._closed:
            raise EngineError("The utterance was closed while it was being transcribed.", kind="stt")
        if run.found is None:
            raise run.error or EngineError("The transcription was given up.", kind="stt")
        return replace(run.found, audio_s=audio_s)

    async def aclose(self) -> None:
        """See `Utterance.aclose`."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._audio.close()
        tasks = [run.task for run in self._runs if run.task is not None]
        for run in self._runs:
            run.give_up.set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _covering(self) -> _Run | None:
        """The run that has transcribed, or is transcribing, all that matters as a final would."""
        needed = self._audio.loudness.needed
        if self._final is not None and self._final.end >= needed:
            return self._final
        runs = (run for run in self._runs if run.careful and run.end >= needed and not run.give_up.is_set())
        return max(runs, key=lambda run: run.end, default=None)

    def _start_final(self, end: int) -> _Run:
        self._give_up_interims()
        return self._start(_Run(end, careful=True, interim=False))

    def _give_up_interims(self) -> None:
        for run in self._runs:
            if run.interim and not run.awaited:
                run.give_up.set()

    def _start(self, run: _Run) -> _Run:
        loop = asyncio.get_running_loop()
        self._runs.add(run)
        started_s = loop.time()
        if run.interim:
            self._schedule.start(started_s, run.end / SAMPLE_RATE)
        name = "stt interim" if run.interim else "stt final"
        run.task = loop.create_task(self._execute(run, started_s), name=name)
        return run

    async def _execute(self, run: _Run, started_s: float) -> None:
        samples = self._audio.first(run.end)
        try:
            run.found = await asyncio.to_thread(self._transcribe, samples, run.careful, run.give_up.is_set)
        except Exception as error:
            run.error = error
        finally:
            self._runs.discard(run)
            if run.interim:
                self._schedule.finish(asyncio.get_running_loop().time(), started_s)
        if run.give_up.is_set():
            run.found = None
        elif run.found is not None and run.careful and (self._final is None or run.end >= self._final.end):
            self._final = run
        if run.interim and not self._closed:
            self._deliver(run)
        self._consider_interim()

    async def _wait(self, run: _Run) -> None:
        """Until it has ended."""
        if run.task is not None and not run.task.done():
            run.awaited += 1
            try:
                await asyncio.wait([run.task])
            except asyncio.CancelledError:
                if run.awaited == 1 and not run.interim:
                    run.give_up.set()
                raise
            finally:
                run.awaited -= 1

    def _consider_interim(self) -> None:
        """Start an interim now, or later, or not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._interims or self._closed or any(not run.interim for run in self._runs):
            return
        if self._covering() is not None:
            return
        loop = asyncio.get_running_loop()
        end, faded = self._audio.loudness.end, self._audio.loudness.faded
        wait = self._schedule.wait(loop.time(), end / SAMPLE_RATE, faded=faded)
        if wait is None:
            return
        if wait > 0:
            self._timer = loop.call_later(wait, self._consider_interim)
            return
        self._give_up_interims()
        self._start(_Run(end, careful=faded, interim=True))

    def _deliver(self, run: _Run) -> None:
        if run.error is not None:
            if run.give_up.is_set() or not self._interims:
                return
            self._interims = False
            unexpected = not isinstance(run.error, EngineError)
            exc_info = run.error if unexpected else None
            log.warning("No more interim transcripts of this utterance: %s", run.error, exc_info=exc_info)
        elif run.found is not None and run.found.text and self._schedule.deliverable(run.end / SAMPLE_RATE):
            self._on_interim(InterimTranscript(run.found.text, run.end / SAMPLE_RATE, faded=run.careful))
