"""When the next interim is due. Takes time as an argument; runs nothing."""

from __future__ import annotations

__all__ = ["InterimSchedule"]

_EARLY_S = 0.6
_AT_ONCE = 2


class InterimSchedule:
    """Interims `interval_s` apart, each followed by a rest of half of what it took.

    So interims use two thirds of a thread at most: a slow engine falls back to a longer interval by itself. Where
    speech has just faded the user may be done, and the interim may become the final: it does not wait for the
    interval, starts beside an interim in progress, and cuts up to 0.6 s off the rest, which is made up for later.

    Args:
        interval_s: seconds from the start of one interim to the start of the next; 0 for no interims.
        first_s: seconds of audio that the first one needs.
    """

    def __init__(self, interval_s: float, first_s: float = 0.5) -> None:
        self._interval_s = interval_s
        self._first_s = first_s
        self._in_progress: list[float] = []  # when each was started
        self._next = self._rested = float("-inf")
        self._covered_s = 0.0
        self.wanted_s = 0.0
        """Seconds of audio in the longest final that was asked for."""

    def wait(self, now: float, audio_s: float, *, faded: bool = False) -> float | None:
        """Seconds until an interim may start; None where none is due at all.

        Args:
            audio_s: seconds of audio that matter.
            faded: they end with the end of speech, or with a pause in it.
        """
        if not self._interval_s or len(self._in_progress) >= (_AT_ONCE if faded else 1):
            return None
        if audio_s < self._first_s or audio_s <= max(self._covered_s, self.wanted_s):
            return None
        due = self._rested - _EARLY_S if faded else max(self._next, self._rested)
        return max(0.0, due - now)

    def start(self, now: float, audio_s: float) -> None:
        self._in_progress.append(now)
        self._next, self._covered_s = now + self._interval_s, audio_s

    def finish(self, now: float, started: float) -> None:
        """The interim that was started then has ended."""
        self._in_progress.remove(started)
        self._rested = max(self._rested, started) + 1.5 * (now - started)

    def supersede(self, audio_s: float) -> None:
        """A final of that much audio was asked for: interims of no more are worthless."""
        self.wanted_s = max(self.wanted_s, audio_s)

    def deliverable(self, audio_s: float) -> bool:
        """Whether an interim of that much audio may still be shown."""
        return audio_s > self.wanted_s
