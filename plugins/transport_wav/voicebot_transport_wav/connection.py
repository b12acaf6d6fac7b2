"""The one call of the wav transport."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np

from voicebot.audio import PTIME_MS, AudioChunk, Samples
from voicebot.events import Event
from voicebot.wav import write_wav
from voicebot_transport_wav.config import WavConfig
from voicebot_transport_wav.quiet import QuietWatch
from voicebot_transport_wav.timeline import Timeline

__all__ = ["WavConnection"]

_log = logging.getLogger(__name__)


class WavConnection:
    """Plays a recording as a microphone would, and records what a listener would hear, on one clock.

    The clock is the event loop's; it starts with the first `receive` or `send`. Sample `n` of the input is
    spoken at `n / rate` and sample `n` of the output heard at `n / sample_rate`, so that the two files can be
    laid over each other.
    """

    def __init__(self, recording: AudioChunk, output: Path, config: WavConfig) -> None:
        self.call_id = ""
        self.sample_rate = config.sample_rate
        self._recording = recording
        self._output = output
        self._timeline = Timeline()
        self._quiet = QuietWatch(config.tail_ms / 1000, config.max_wait_s)
        self._start: float | None = None
        self._closed_at: int | None = None

    async def receive(self) -> AsyncGenerator[AudioChunk, None]:
        """20 ms chunks at the recording's rate, each when its last sample has been spoken; then silence.

        Chunks of a rate that 20 ms do not divide differ by a sample. Ends when the call has been quiet for
        `tail_ms` after the recording's end, when the session has ended it, or after `max_wait_s`.
        """
        loop = asyncio.get_running_loop()
        start = self._started()
        samples, rate = self._recording.samples, self._recording.sample_rate
        end = start + self._recording.duration_s
        index = 0
        while self._closed_at is None:
            verdict = self._quiet.verdict(end, loop.time())
            if verdict == "timeout":
                _log.warning(
                    "the call was ended %.0f s after the recording's end, while %s; max_wait_s is the limit",
                    loop.time() - end,
                    self._quiet.state,
                )
            if verdict != "go_on":
                return
            # Counted from the start, not from the last chunk: errors of the timer do not add up.
            await asyncio.sleep(max(0.0, start + (index + 1) * PTIME_MS / 1000 - loop.time()))
            if self._closed_at is not None:
                return
            yield AudioChunk(_cut(samples, rate, index), rate)
            index += 1

    async def send(self, packet: AudioChunk) -> None:
        """Put a packet on the timeline: after the one before, or now where that has played out.

        Raises:
            ValueError: it has another rate than `sample_rate`.
        """
        if packet.sample_rate != self.sample_rate:
            raise ValueError(f"a packet has {packet.sample_rate} Hz, not {self.sample_rate}")
        self._started()
        if self._closed_at is None:
            self._timeline.send(packet.samples, self._now())

    def cancel(self) -> None:
        self._timeline.cancel(self._now())

    def heard_samples(self) -> int:
        return self._timeline.heard(self._now())

    def notify(self, event: Event) -> None:
        self._quiet.on_event(event, asyncio.get_running_loop().time())

    async def aclose(self) -> None:
        """End the call and write the output; what was not heard by now is not in it.

        Nothing is written where the call never began.

        Raises:
            AudioError: the file cannot be written.
        """
        if self._closed_at is not None:
            return
        self._closed_at = self._now()
        if self._start is None:
            return
        self._timeline.cancel(self._closed_at)
        length = max(self._closed_at, math.ceil(self._recording.duration_s * self.sample_rate))
        heard = AudioChunk(self._timeline.render(length), self.sample_rate)
        await asyncio.to_thread(write_wav, self._output, heard)

    def _started(self) -> float:
        if self._start is None:
            self._start = asyncio.get_running_loop().time()
        return self._start

    def _now(self) -> int:
        """The output sample being heard."""
        if self._closed_at is not None:
            return self._closed_at
        if self._start is None:
            return 0
        seconds = asyncio.get_running_loop().time() - self._start
        # A time that is a whole number of samples must not lose one to floating point.
        return math.floor(seconds * self.sample_rate + 1e-6)


def _cut(samples: Samples, rate: int, index: int) -> Samples:
    """The 20 ms number `index`, silence after the end."""
    first, last = (number * rate * PTIME_MS // 1000 for number in (index, index + 1))
    cut = samples[first:last]
    if len(cut) == last - first:
        return cut
    return np.concatenate([cut, np.zeros(last - first - len(cut), np.int16)])
