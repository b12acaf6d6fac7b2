"""The agent's audio on the call's clock: sans I/O, positions and times are samples."""

from __future__ import annotations

import numpy as np

from voicebot.audio import Samples

__all__ = ["Timeline"]


class Timeline:
    """What a listener hears: packets in the order they were sent, each as soon as it can play.

    `now` is always the sample that the listener hears at this moment; it never goes back. Memory grows with
    the call: two bytes a sample of speech.
    """

    def __init__(self) -> None:
        self._packets: list[tuple[int, Samples]] = []
        self._end = 0
        self._sent = 0

    def send(self, samples: Samples, now: int) -> None:
        """Play after what was sent before, or at once where that has played out."""
        position = max(self._end, now)
        if len(samples):
            self._packets.append((position, samples.copy()))
        self._end = position + len(samples)
        self._sent += len(samples)

    def cancel(self, now: int) -> None:
        """Discard all that has not been played."""
        while self._packets:
            position, samples = self._packets[-1]
            if position + len(samples) <= now:
                break
            self._packets.pop()
            self._sent -= len(samples)
            if position < now:
                heard = samples[: now - position]
                self._packets.append((position, heard))
                self._sent += len(heard)
                break
        self._end = min(self._end, now)

    def heard(self, now: int) -> int:
        """Samples sent, not cancelled, and played by now."""
        waiting = 0
        for position, samples in reversed(self._packets):
            if position + len(samples) <= now:
                break
            waiting += position + len(samples) - max(position, now)
        return self._sent - waiting

    def render(self, length: int) -> Samples:
        """The first `length` samples, silence in the gaps; longer where more was sent."""
        out = np.zeros(max(length, self._end), np.int16)
        for position, samples in self._packets:
            out[position : position + len(samples)] = samples
        return out
