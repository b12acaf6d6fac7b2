"""Both sides of a call on one clock (sans-I/O): the user left, the agent right as it was played."""

from __future__ import annotations

from collections import deque

import numpy as np

from voicebot.audio import AudioChunk, Resampler, Samples

__all__ = ["LAG_S", "RECORDING_RATE", "Mixer"]

RECORDING_RATE = 16_000
"""Hz."""
LAG_S = 2.0
"""How long audio is held before it is final: a cancellation may still cut it, a late stream be put in its place."""

_GAP_S = LAG_S / 2
"""A user's stream so much behind the clock has a gap, and goes on where the clock is."""
_DRIFT_S = 0.01
"""The stream is put right where it is off by so much."""
_WINDOW_S = 1.0
"""How long it must have been behind: in between, chunks may come late and then all at once."""


class _Track:
    """One channel: blocks at positions, silence between them."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[int, Samples]] = deque()

    def add(self, at: int, samples: Samples) -> None:
        if len(samples):
            self._blocks.append((at, samples))

    def cut(self, at: int) -> None:
        """Nothing from there on."""
        while self._blocks and self._blocks[-1][0] + len(self._blocks[-1][1]) > at:
            start, samples = self._blocks.pop()
            if start < at:
                self._blocks.append((start, samples[: at - start]))
                return

    def shift(self, by: int) -> None:
        self._blocks = deque((start + by, samples) for start, samples in self._blocks)

    def take(self, start: int, count: int) -> Samples:
        """From there on; what lies before that is forgotten."""
        out = np.zeros(count, np.int16)
        while self._blocks and self._blocks[0][0] < start + count:
            at, samples = self._blocks.popleft()
            begin, end = max(at, start), min(at + len(samples), start + count)
            if begin < end:
                out[begin - start : end - start] = samples[begin - at : end - at]
            if at + len(samples) > start + count:
                self._blocks.appendleft((start + count, samples[start + count - at :]))
                break
        return out


class _Stream:
    """Audio that follows on itself, at the recording's rate on a track."""

    def __init__(self) -> None:
        self.track = _Track()
        self.begun = False
        self._resampler: Resampler | None = None
        self._start = self._given = 0
        self._source_s = 0.0

    @property
    def end(self) -> int:
        """The position after what was pushed."""
        return self._start + round(self._source_s * RECORDING_RATE)

    def begin(self, at: int) -> None:
        """What is pushed next comes there; what the filter still holds back, before it."""
        if self._resampler is not None:
            self._add(self._resampler.process(np.zeros(0, np.int16), last=True))
        self._resampler = None
        self._start, self._given, self._source_s, self.begun = at, 0, 0.0, True

    def begin_at_end(self) -> None:
        """Nothing follows for now: no need to hold back the end of what there is."""
        if self.begun:
            self.begin(self.end)

    def push(self, chunk: AudioChunk) -> None:
        if self._resampler is None or self._resampler.source_rate != chunk.sample_rate:
            self.begin(self.end)
            self._resampler = Resampler(chunk.sample_rate, RECORDING_RATE)
        self._source_s += chunk.duration_s
        self._add(self._resampler.process(chunk.samples))

    def _add(self, samples: Samples) -> None:
        self.track.add(self._start + self._given, samples)
        self._given += len(samples)

    def cut(self, at: int) -> None:
        """Nothing from there on: what is pushed next may follow there."""
        if at < self.end:
            self._resampler = None
            self.track.cut(at)
            self.begin(at)

    def move(self, by: int) -> None:
        self._start += by
        self.track.shift(by)


class Mixer:
    """Takes what is heard and what is sent, in the order of their times, and gives stereo.

    The user's stream is its own clock, as long as it keeps up with the real one: chunks come late and in bursts, but
    what they hold was spoken evenly. The agent's packets play one after the other, each as soon as it can.

    Args:
        origin_s: the first sample, on the clock of all the times.
    """

    def __init__(self, origin_s: float) -> None:
        self.moved = 0
        """How often the user's stream was put right."""
        self._origin_s = origin_s
        self._taken = 0
        self._user, self._agent = _Stream(), _Stream()
        self._late: deque[tuple[int, int]] = deque()
        """How far the user's stream was behind of late: positions, and by how much."""

    @property
    def seconds(self) -> float:
        """How much has been taken."""
        return self._taken / RECORDING_RATE

    def user(self, chunk: AudioChunk, at_s: float) -> None:
        """This was heard, up to that moment."""
        here, length, stream = self._position(at_s), round(chunk.duration_s * RECORDING_RATE), self._user
        late = here - length - stream.end
        if not stream.begun or late > _GAP_S * RECORDING_RATE:
            self.moved += stream.begun
            self._late.clear()
            stream.begin(here - length)
            late = 0
        stream.push(chunk)
        self._keep_up(here, late)

    def agent(self, packet: AudioChunk, at_s: float) -> None:
        """This was sent at that moment."""
        at = self._position(at_s)
        if not self._agent.begun or at > self._agent.end:
            self._agent.begin(at)
        self._agent.push(packet)

    def cancel(self, at_s: float) -> None:
        """What the agent would have played from then on was taken back."""
        self._agent.cut(self._position(at_s))

    def take(self, until_s: float) -> Samples:
        """What is new up to that moment, int16, shape `(n, 2)`; audio that comes for it later is lost."""
        count = max(0, self._position(until_s) - self._taken)
        for stream in (self._user, self._agent):
            if stream.end <= self._taken + count:
                stream.begin_at_end()
        sides = [stream.track.take(self._taken, count) for stream in (self._user, self._agent)]
        self._taken += count
        return np.stack(sides, axis=1)

    @property
    def taken_until_s(self) -> float:
        """Up to where, on the clock of all the times."""
        return self._origin_s + self.seconds

    def _position(self, at_s: float) -> int:
        return round((at_s - self._origin_s) * RECORDING_RATE)

    def _keep_up(self, here: int, late: int) -> None:
        """Put the user's stream right where it has run away from the clock, as two quartzes do."""
        drift = round(_DRIFT_S * RECORDING_RATE)
        if late < -drift:
            # Nothing is heard before it is spoken: the first chunks were late, or the far side's clock is fast.
            if self._taken:
                self._user.cut(self._user.end + late)
            else:
                self._user.move(late)
        else:
            self._late.append((here, late))
            if here - self._late[0][0] < _WINDOW_S * RECORDING_RATE:
                return
            behind = min(by for _, by in self._late)
            if behind <= drift:
                self._late.popleft()
                return
            self._user.begin(self._user.end + behind)
        self.moved += 1
        self._late.clear()
