"""One call's keeping, on the event loop: it never makes the call wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar

from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.events import Event, KeepingFailed
from voicebot.keeping.consent import Consent
from voicebot.keeping.schema import CallOpened, ConsentGiven, data_of
from voicebot.keeping.writing import Audio, Line, Writer
from voicebot.queues import BoundedQueue
from voicebot.settings import KeepSettings
from voicebot.tools.threads import DaemonThreads, ThreadsBusy

__all__ = ["AUDIO_QUEUE_S", "LINE_QUEUE", "Keeper"]

LINE_QUEUE = 1_024
"""Lines that may wait for the disk; then the oldest are dropped and counted."""
AUDIO_QUEUE_S = 20.0
"""Audio, of both sides together, that may wait for it; with more, the recording stops."""
BATCH_S = 1.0
"""Audio that is worth a thread's while."""

_log = logging.getLogger("voicebot.keeping")
_threads = DaemonThreads(4)
"""Of all calls of this process. One that hangs on a disk is given up with its call, and counts here until it ends."""

T = TypeVar("T")


class Keeper:
    """Takes what happens in a call, and has it written by `run`. Nothing it is told may raise, or wait.

    Args:
        opened: the log's first line.
        opened_s: when the call began, on the loop's clock.
        tell: called where something cannot be kept.
    """

    def __init__(
        self,
        call_id: str,
        settings: KeepSettings,
        writer: Writer,
        opened: CallOpened,
        opened_s: float,
        tell: Callable[[KeepingFailed], None] = lambda event: None,
    ) -> None:
        self.lines = BoundedQueue[Line]("kept lines", LINE_QUEUE, when_full="drop_oldest")
        self.audio = BoundedQueue[Audio](
            "kept audio", AUDIO_QUEUE_S, unit="s", size=lambda item: item.duration_s
        )
        self._call_id, self._settings, self._writer = call_id, settings, writer
        self._opened, self._opened_s, self._tell = opened, opened_s, tell
        self._consent = Consent(required=settings.consent == "required", phrases=settings.consent_phrases)
        self._wake = asyncio.Event()
        self._closed_s: float | None = None
        self._recording = settings.recording
        self._stopping: Literal["too_slow", "fault"] | None = None
        self._dropped = 0
        if self._consent.given:
            self._put(Line.of(opened_s, opened))

    @property
    def queues(self) -> tuple[BoundedQueue[Line], BoundedQueue[Audio]]:
        return self.lines, self.audio

    # --- what happens in the call ---------------------------------------------------------------------------------

    def event(self, event: Event) -> None:
        if self._closed_s is not None:
            return
        try:
            if self._consent.hear(event):
                # What was said before is nobody's: the log begins here.
                self._put(Line.of(self._opened_s, self._opened))
                self._put(Line.of(event.at_s, ConsentGiven(phrase=self._consent.phrase)))
            elif self._consent.covers(event):
                kept = data_of(
                    event,
                    opened_s=self._opened_s,
                    audit=self._settings.audit,
                    transcripts=self._settings.transcripts,
                )
                if kept is not None:
                    self._put(Line(event.at_s, *kept))
        except Exception:
            _log.exception("call %s: %s cannot be kept", self._call_id, type(event).__name__)

    def heard(self, chunk: AudioChunk) -> None:
        """The user's audio, as it comes."""
        self._put_audio("user", chunk)

    def sent(self, packet: AudioChunk) -> None:
        """The agent's, as it goes."""
        self._put_audio("agent", packet)

    def cancelled(self) -> None:
        """What was sent and not played is taken back."""
        self._put_audio("cancel", None)

    def _put(self, line: Line) -> None:
        self.lines.put_nowait(line)
        self._wake.set()

    def _put_audio(self, side: Literal["user", "agent", "cancel"], chunk: AudioChunk | None) -> None:
        if not self._recording or not self._consent.given or self._closed_s is not None:
            return
        try:
            self.audio.put_nowait(Audio(side, now(), chunk))
        except asyncio.QueueFull:
            self._stop_recording("too_slow")
        except Exception:
            _log.exception("call %s: its audio cannot be kept", self._call_id)
            self._stop_recording("fault")
        else:
            if self.audio.held >= BATCH_S:
                self._wake.set()

    def _stop_recording(self, why: Literal["too_slow", "fault"]) -> None:
        self._recording, self._stopping = False, why
        self.audio.clear()
        self._wake.set()

    # --- what becomes of it ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """The call is over: `run` writes what there is, and ends. Twice is fine."""
        if self._closed_s is None:
            self._closed_s = now()
        self._wake.set()

    async def run(self) -> None:
        """Write until `close`. Whatever goes wrong ends here."""
        try:
            while self._closed_s is None:
                await self._wake.wait()
                self._wake.clear()
                await self._batch()
            await self._batch()
            await self._in_thread(partial(self._writer.end, self._closed_s))
        except asyncio.CancelledError:
            self._writer.abandon()
            raise
        except ThreadsBusy:
            _log.error("call %s is not kept any further: too many writers hang on the disk", self._call_id)
            self._tell(KeepingFailed(now(), "log"))
        except Exception:
            _log.exception("call %s is not kept any further", self._call_id)
            self._tell(KeepingFailed(now(), "log"))
        finally:
            self.close()

    async def _batch(self) -> None:
        lines, audio = await _all_of(self.lines), await _all_of(self.audio)
        missed = self.lines.statistics.dropped - self._dropped
        self._dropped += missed
        why, self._stopping = self._stopping, None
        if not (lines or audio or missed or why):
            return
        at_s = now()

        def write() -> None:
            self._writer.missed(missed)
            self._writer.write(lines, audio)
            if why is not None:
                self._writer.stop_recording(at_s, why)

        await self._in_thread(write)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(_threads, work)
        while self._writer.failed:
            self._tell(KeepingFailed(now(), self._writer.failed.pop()))


async def _all_of(queue: BoundedQueue[T]) -> list[T]:
    return [await queue.get() for _ in range(len(queue))]
