"""What the simulated listener hears of the agent: sans I/O, positions and times are samples at `BENCH_RATE`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicebot.audio import AUDIBLE, PTIME_MS, Samples, first_audible
from voicebot.bench.scenario import BENCH_RATE

__all__ = ["Cut", "Tape"]

_PACKET = BENCH_RATE * PTIME_MS // 1000
_SEEK = 160
"""Samples by which a place in the audio is recognised."""


@dataclass(frozen=True, slots=True, eq=False)
class _Packet:
    at: int
    samples: Samples
    turn: int


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Audio was taken back before it was heard: the answer was stopped there, or held."""

    at: int
    turn: int
    dropped: Samples
    sent_before: int
    """How many packets had been sent by then."""


class Tape:
    """The agent's audio on the call's clock, and which of its turns each sample belongs to.

    Packets play in the order in which they were sent, each as soon as it can. `now` is the sample that the listener
    hears at this moment; it never goes back, and what lies before it is final.
    """

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self._packets: list[_Packet] = []
        self._log: list[tuple[int, Samples]] = []
        self._end = 0
        self._sent = 0
        self._turn = 0

    def begin(self, turn: int) -> None:
        """What is sent from here on is of this turn."""
        self._turn = turn

    def send(self, samples: Samples, now: int) -> None:
        """Play after what was sent before, or at once where that has played out."""
        at = max(self._end, now)
        if len(samples):
            self._packets.append(_Packet(at, samples.copy(), self._turn))
            self._log.append((self._turn, self._packets[-1].samples))
        self._end = at + len(samples)
        self._sent += len(samples)

    def cancel(self, now: int) -> None:
        """Take back all that has not been played."""
        dropped: list[Samples] = []
        while self._packets and (last := self._packets[-1]).at + len(last.samples) > now:
            self._packets.pop()
            keep = max(0, now - last.at)
            dropped.insert(0, last.samples[keep:])
            if keep:
                self._packets.append(_Packet(last.at, last.samples[:keep], last.turn))
                break
        if dropped:
            audio = np.concatenate(dropped)
            self._sent -= len(audio)
            self.cuts.append(Cut(now, self._turn, audio, len(self._log)))
        self._end = min(self._end, now)

    @property
    def end(self) -> int:
        """Where the audio sent so far ends."""
        return self._end

    def heard(self, now: int) -> int:
        """Samples sent, not taken back, and played by now."""
        waiting = 0
        for packet in reversed(self._packets):
            end = packet.at + len(packet.samples)
            if end <= now:
                break
            waiting += end - max(packet.at, now)
        return self._sent - waiting

    def first_audible(self, turn: int, now: int) -> int | None:
        """Where this turn was first heard, if that was before `now`."""
        for packet in self._packets:
            if packet.at >= now:
                return None
            if packet.turn == turn and (index := first_audible(packet.samples)) is not None:
                return packet.at + index if packet.at + index < now else None
        return None

    def last_audible(self, turn: int, now: int) -> int | None:
        """The last sample before `now` at which this turn was heard."""
        for packet in reversed(self._packets):
            if packet.turn != turn or packet.at >= now:
                continue
            loud = np.flatnonzero(np.abs(packet.samples[: now - packet.at].astype(np.int32)) > AUDIBLE)
            if len(loud):
                return packet.at + int(loud[-1])
        return None

    def gaps(self, turn: int, now: int) -> list[tuple[int, int]]:
        """Where nothing was played between two packets of this turn, from sample to sample."""
        found, end = [], None
        for packet in self._packets:
            if packet.turn != turn or packet.at >= now:
                continue
            if end is not None and packet.at > end:
                found.append((end, packet.at))
            end = packet.at + len(packet.samples)
        return found

    def resumed_at(self, cut: Cut) -> int | None:
        """How the turn went on after a cut, in samples from where it was cut: 0 from the same sample, 80 where 80
        were lost, -80 where 80 were heard again; None where it did not go on, or with something else.

        Silence before it, of less than a packet, is no difference: a packet that was heard in part may be sent again
        whole, with the part that was heard blanked.
        """
        after = [samples for turn, samples in self._log[cut.sent_before :] if turn == cut.turn]
        if not after:
            return None
        resumed = np.concatenate(after)
        blank = resumed[: _PACKET - 1] != 0
        blanked = int(np.argmax(blank)) if blank.any() else len(blank)
        for skipped in range(blanked + 1):
            count = min(len(resumed) - skipped, len(cut.dropped))
            if count and np.array_equal(resumed[skipped : skipped + count], cut.dropped[:count]):
                return 0
        heard = self.audio(cut.turn, cut.at)
        whole = np.concatenate([heard, cut.dropped])
        mark = resumed[blanked : blanked + _SEEK]
        places = [
            at - len(heard)
            for at in range(max(0, len(whole) - len(mark) + 1))
            if np.array_equal(whole[at : at + len(mark)], mark)
        ]
        return min(places, key=abs, default=None)

    def audio(self, turn: int, now: int) -> Samples:
        """What was heard of a turn before `now`, gaps left out."""
        parts = [p.samples[: now - p.at] for p in self._packets if p.turn == turn and p.at < now]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def played(self, start: int, count: int) -> Samples:
        """What sounds from sample `start` on; silence in the gaps and before the call."""
        out = np.zeros(count, np.int16)
        for packet in reversed(self._packets):
            if packet.at + len(packet.samples) <= start:
                break
            begin, end = max(packet.at, start), min(packet.at + len(packet.samples), start + count)
            if begin < end:
                out[begin - start : end - start] = packet.samples[begin - packet.at : end - packet.at]
        return out
