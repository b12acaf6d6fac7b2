"""When the next interim is due. Takes time as an argument; runs nothing."""

from __future__ import annotations

__all__ = ["InterimSchedule"]


class InterimSchedule:
    """One interim at a time, `interval_s` apart, resting for half of what the last one took.

    So interims use two thirds of a thread at most: a slow engine falls back to a longer interval by itself.

    Args:
        interval_s: seconds from the start of one interim to the start of the next; 0 for no interims.
        first_s: seconds of audio that the first one needs.
    """

    def __init__(self, interval_s: float, first_s: float = 0.5) -> None:
        self._interval_s = interval_s
        self._first_s = first_s
        self._started: float | None = None
        self._next = float("-inf")
        self._covered_s = 0.0
        self.wanted_s = 0.0
        """Seconds of audio in the longest final that was asked for."""

    def wait(self, now: float, audio_s: float) -> float | None:
        """Seconds until an interim of `audio_s` seconds of audio may start; None where none is due at all."""
        if not self._interval_s or self._started is not None:
            return None
        if audio_s < self._first_s or audio_s <= max(self._covered_s, self.wanted_s):
            return None
        return max(0.0, self._next - now)

    def start(self, now: float, audio_s: float) -> None:
        self._started, self._covered_s = now, audio_s

    def skip(self, audio_s: float) -> None:
        """The audio so far is as good as transcribed."""
        self._covered_s = audio_s

    def finish(self, now: float) -> None:
        if self._started is None:
            raise RuntimeError("no interim was started")
        self._next = max(self._started + self._interval_s, now + (now - self._started) / 2)
        self._started = None

    def supersede(self, audio_s: float) -> None:
        """A final of that much audio was asked for: interims of no more are worthless."""
        self.wanted_s = max(self.wanted_s, audio_s)

    def deliverable(self, audio_s: float) -> bool:
        """Whether an interim of that much audio may still be shown."""
        return audio_s > self.wanted_s
