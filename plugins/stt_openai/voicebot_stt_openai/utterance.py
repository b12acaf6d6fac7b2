"""An utterance whose recogniser is asked over the network, a whole clip at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import EngineError
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot.recognition import SAMPLE_RATE
from voicebot.recognition.schedule import InterimSchedule
from voicebot.recognition.utterance_audio import UtteranceAudio

__all__ = ["Ask", "RemoteUtterance"]

log = logging.getLogger(__name__)

Ask: TypeAlias = Callable[[Samples], Coroutine[Any, Any, FinalTranscript]]
"""int16 samples at 16 kHz -> transcript. Cancelling it stops the request."""


@dataclass(eq=False, slots=True)
class _Request:
    end: int
    """How many of the utterance's samples it transcribes."""
    interim: bool
    faded: bool
    started_s: float
    task: asyncio.Task[FinalTranscript]
    awaited: int = 0
    """`finalize` calls that wait for it."""


class RemoteUtterance:
    """Implements `voicebot.interfaces.Utterance`.

    One request at a time: a later one cancels it, and those who waited for the earlier one wait for the later.
    Without interims nothing is sent before `finalize`, and nothing again where only silence has come since. With
    interims, one is sent at once where the speech fades, and `finalize` takes its text or waits for it.

    Args:
        ask: the recogniser.
        on_interim: called on the event loop.
        interim_interval_ms: 0 for no interims.
    """

    def __init__(
        self, ask: Ask, on_interim: Callable[[InterimTranscript], None], interim_interval_ms: float
    ) -> None:
        self._ask = ask
        self._on_interim = on_interim
        self._interims = interim_interval_ms > 0
        self._schedule = InterimSchedule(interim_interval_ms / 1000)
        self._timer: asyncio.TimerHandle | None = None
        self._audio = UtteranceAudio()
        self._closed = False
        self._request: _Request | None = None
        self._tasks: set[asyncio.Task[FinalTranscript]] = set()
        self._found: FinalTranscript | None = None
        self._found_end = 0

    @property
    def audio_s(self) -> float:
        return self._audio.seconds

    def push(self, chunk: AudioChunk) -> None:
        """See `UtteranceAudio.push`."""
        if self._audio.push(chunk):
            self._consider_interim()

    async def finalize(self) -> FinalTranscript:
        """See `Utterance.finalize`. Cancelling it hangs up, unless others wait for the same."""
        needed, end = self._audio.loudness.needed, self._audio.loudness.end
        self._schedule.supersede(end / SAMPLE_RATE)
        while True:
            if self._closed:
                raise EngineError("The utterance was closed before it was transcribed.", kind="stt")
            if self._found is not None and self._found_end >= needed:
                return replace(self._found, audio_s=self.audio_s)
            request = self._request
            if request is None or request.end < needed:
                request = self._start(end, interim=False, faded=False)
            await self._wait(request)
            if request.task.cancelled() or self._closed:
                continue  # superseded
            error = request.task.exception()
            if error is not None and not request.interim:
                raise error

    async def aclose(self) -> None:
        """See `Utterance.aclose`."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._audio.close()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, end: int, *, interim: bool, faded: bool) -> _Request:
        """In place of the request in progress."""
        if self._request is not None:
            self._request.task.cancel()
        loop = asyncio.get_running_loop()
        now = loop.time()
        if interim:
            self._schedule.start(now, end / SAMPLE_RATE)
        task = loop.create_task(
            self._ask(self._audio.first(end)), name=f"stt {'interim' if interim else 'final'}"
        )
        request = self._request = _Request(end, interim, faded, now, task)
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._ended(request))
        return request

    def _ended(self, request: _Request) -> None:
        """Runs before those who wait for it go on."""
        self._tasks.discard(request.task)
        if self._request is request:
            self._request = None
        if request.interim:
            self._schedule.finish(asyncio.get_running_loop().time(), request.started_s)
        if not request.task.cancelled():
            error = request.task.exception()
            if error is None:
                self._take(request, request.task.result())
            elif request.interim and self._interims and not self._closed:
                self._interims = False
                unexpected = None if isinstance(error, EngineError) else error
                log.warning("No more interim transcripts of this utterance: %s", error, exc_info=unexpected)
        self._consider_interim()

    def _take(self, request: _Request, found: FinalTranscript) -> None:
        if self._found is None or request.end >= self._found_end:
            self._found, self._found_end = found, request.end
        audio_s = request.end / SAMPLE_RATE
        if request.interim and found.text and not self._closed and self._schedule.deliverable(audio_s):
            self._on_interim(InterimTranscript(found.text, audio_s, faded=request.faded))

    async def _wait(self, request: _Request) -> None:
        """Until it has ended."""
        request.awaited += 1
        try:
            await asyncio.wait([request.task])
        finally:
            request.awaited -= 1
            if not request.task.done():
                # Whoever cancelled this `finalize` may call it again at once, for the same.
                asyncio.get_running_loop().call_soon(self._drop_unwanted, request)

    def _drop_unwanted(self, request: _Request) -> None:
        if not request.awaited:
            request.task.cancel()

    def _consider_interim(self) -> None:
        """Start an interim now, or later, or not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        request, needed = self._request, self._audio.loudness.needed
        if not self._interims or self._closed or (self._found is not None and self._found_end >= needed):
            return
        if request is not None and (request.awaited or not request.interim or request.end >= needed):
            return
        loop = asyncio.get_running_loop()
        end, faded = self._audio.loudness.end, self._audio.loudness.faded
        wait = self._schedule.wait(loop.time(), end / SAMPLE_RATE, faded=faded)
        if wait is None:
            return
        if wait > 0:
            self._timer = loop.call_later(wait, self._consider_interim)
            return
        self._start(end, interim=True, faded=faded)
