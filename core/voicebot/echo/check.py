"""Is a microphone's window mostly the agent's own voice?"""

from __future__ import annotations

import numpy as np

from voicebot.audio import Samples
from voicebot.echo.delay import DelaySearch
from voicebot.echo.path import HOP, EchoPath
from voicebot.echo.reference import RATE, Narrowing, Reference, Signal, sample_at

__all__ = ["IS_ECHO", "EchoCheck"]

IS_ECHO = 0.5
"""The score from which on a window should count as echo (measured in bench/echo)."""

_BLOCK = 4 * HOP
_HISTORY = 48 * HOP
"""What of the microphone is kept, 0.8 s: a path that has just been found learns from it."""
_AHEAD = RATE * 4 // 1000
"""The filter begins so much before the delay that was found, which may be a reflection's."""
_CERTAIN = 9.0
"""A correlation that stands out so far is an echo; chance gives it to fewer than one window in a thousand."""
_SUSPICIOUS = 5.5
"""One that will do in the first loud windows of a call, when no echo can be known yet."""
_SUSPICION_WINDOWS = 6
_LEARNING_WINDOWS = 8
_MOVED = RATE * 8 // 1000
_LOOK_EVERY = 4
"""Windows from one search to the next while the path explains what is heard."""
_LOUD = 3.0
"""Power over the background's from which on a window is worth a search."""
_CARRY = 0.7
"""What a window's power still counts in the next, so that the end of a word is judged with the word."""
_GAP = RATE // 16
_SLACK = 64


class EchoCheck:
    """Compares the microphone with what the listener is played.

    Three steps: a search for the delay (`voicebot.echo.delay`), a filter that learns the path at that delay
    (`voicebot.echo.path`), and the share of the microphone's power that it explains. A user who talks over the echo
    adds power that it does not explain. Until there is a path, correlation alone decides.

    Not safe to use from more than one thread. Reads no clock.

    Args:
        sample_rate: of the microphone's windows, Hz.
        max_delay_ms: the longest way from the server's clock to the microphone that is looked for.
    """

    def __init__(self, *, sample_rate: int = 16_000, max_delay_ms: float = 600) -> None:
        self._max_delay = round(max_delay_ms * RATE / 1000)
        self._reference = Reference()
        self._search = DelaySearch(_BLOCK, self._max_delay)
        self._narrowing = Narrowing(sample_rate)
        self._microphone: Signal = np.zeros(_HISTORY, np.float32)
        self._end: int | None = None
        self._floor = 1.0
        self._path: EchoPath | None = None
        self._delay = 0
        self._loud_windows = 0
        """Loud windows since the path was found, or of the call where there is none."""
        self._until_look = 0
        self._power = self._unexplained = 0.0

    def played(self, samples: Samples, sample_rate: int, at_s: float) -> None:
        """These samples are heard from `at_s` on, by the server's estimate.

        Args:
            samples: int16 mono, at `sample_rate` Hz; pieces may be of any length and follow each other at once.
            at_s: on the clock of `heard`; as much too early as sound takes from there to the microphone.
        """
        self._reference.write(samples, sample_rate, sample_at(at_s))

    def cancelled(self, from_s: float) -> None:
        """What was to be played from then on was not."""
        self._reference.cancel(sample_at(from_s))

    @property
    def is_active(self) -> bool:
        """Whether anything was played so lately that its echo may be heard."""
        return self._end is not None and self._reference.end > self._end - self._max_delay - _BLOCK

    def heard(self, window: Samples, end_s: float) -> float:
        """How much of a window is explained by what was played, 0 to 1; echo from IS_ECHO on.

        Args:
            window: the microphone's next samples, int16 mono, 32 ms.
            end_s: when it ended; jitter of some ms does no harm.
        """
        fresh = self._narrowing.process(window)[-_HISTORY:]
        self._end = self._clock(sample_at(end_s), len(fresh))
        self._reference.advance(self._end)
        self._microphone = np.concatenate([self._microphone[len(fresh) :], fresh])
        power = float(fresh @ fresh) / max(1, len(fresh))
        self._floor = min(max(power, 1e-10), self._floor * 1.02)
        if not self.is_active:
            return 0.0
        loud = power > max(_LOUD * self._floor, 1e-9)
        share = self._explained(len(fresh), loud)
        self._until_look -= 1
        if loud and (self._until_look <= 0 or (share < IS_ECHO and self._path)):
            self._look(share)
        return share if self._path and self._loud_windows > _LEARNING_WINDOWS else self._guess(share, loud)

    def _clock(self, now: int, count: int) -> int:
        """Windows follow each other by their samples; the clock corrects that slowly, or at once after a gap."""
        if self._end is None or abs(now - self._end - count) > _GAP:
            return now
        off = now - self._end - count
        return self._end + count + (off > _SLACK) - (off < -_SLACK)

    def _explained(self, fresh: int, loud: bool) -> float:
        if self._path is None:
            return 0.0
        self._power *= _CARRY
        self._unexplained *= _CARRY
        for back in range(max(0, fresh - HOP), -1, -HOP):
            self._step(self._path, back, loud)
        return max(0.0, 1 - self._unexplained / (self._power + 1e-9))

    def _step(self, path: EchoPath, back: int, loud: bool) -> None:
        assert self._end is not None
        last = len(self._microphone) - back
        played = self._reference.read(self._end - back - 2 * HOP - self._delay + _AHEAD, 2 * HOP)
        power, left = path.step(self._microphone[last - 2 * HOP : last], played, learn=loud)
        self._power += power
        self._unexplained += left

    def _look(self, share: float) -> None:
        assert self._end is not None
        knows = self._path is not None
        self._until_look = _LOOK_EVERY if knows else 1 + (self._loud_windows > _SUSPICION_WINDOWS)
        search = self._search
        search.step(
            self._microphone[-_BLOCK:],
            self._reference.read(self._end - _BLOCK - search.lookback, search.span),
            moved=knows and share < IS_ECHO,
        )
        elsewhere = self._path is None or abs(search.delay - self._delay) > _MOVED
        if search.certainty > _CERTAIN and elsewhere and share < IS_ECHO:
            self._find(search.delay)

    def _find(self, delay: int) -> None:
        assert self._end is not None
        played = self._reference.read(self._end - _HISTORY - delay, _HISTORY)
        power = float(np.mean(self._microphone**2))
        self._path = EchoPath(power / (float(np.mean(played**2)) + 1e-9), power)
        self._delay, self._loud_windows = delay, 0
        # What it explains of what it learns from counts for a while.
        self._power = self._unexplained = 0.0
        for back in range(_HISTORY - 2 * HOP, -1, -HOP):
            self._step(self._path, back, loud=True)

    def _guess(self, share: float, loud: bool) -> float:
        """There is no path yet, or it is new: correlation may tell more than the share explained."""
        self._loud_windows += loud
        if not loud:
            return share
        suspicious = self._path is None and self._loud_windows <= _SUSPICION_WINDOWS
        needed = _SUSPICIOUS if suspicious else _CERTAIN
        return max(share, min(1.0, IS_ECHO * self._search.certainty / needed))
