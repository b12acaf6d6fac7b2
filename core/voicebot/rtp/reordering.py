"""Packets of one sender back in order: sequence numbers, what is missing, who the sender is (sans-I/O)."""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.audio import PTIME_MS
from voicebot.rtp.packet import CLOCK_RATE, RtpPacket, signed_difference
from voicebot.rtp.statistics import ReceiverStatistics

__all__ = ["OrderedPacket", "ReorderBuffer"]

MAX_HELD = 64
"""Packets that wait for a missing one: over a second of sound, more than any sane wait."""
MAX_DROPOUT = 3000
"""A sequence number further ahead than this is no loss but another stream (RFC 3550 appendix A.1)."""
MAX_MISORDER = 100
"""And one further behind than this, too."""
_REMEMBERED = (1 << MAX_MISORDER) - 1


@dataclass(frozen=True, slots=True)
class OrderedPacket:
    packet: RtpPacket
    arrival_s: float
    missing: int
    """Packets just before it that did not come in time."""
    restart: bool
    """The first of a sender, or after its sequence numbers have jumped."""


class ReorderBuffer:
    """Gives packets in order, at once where none is missing.

    A gap is waited for one packet's length and four times the interarrival jitter (RFC 3550 appendix A.8), `max_wait`
    at most, since its first successor came; then it is given up. A packet of another SSRC, or one whose number is far
    off, is taken for a new sender once its follower has come too, with none of the old one's between (RFC 3550
    appendix A.1 waits likewise): a stray packet changes nothing.
    """

    def __init__(self, max_wait_ms: float, statistics: ReceiverStatistics) -> None:
        self._max_wait_s = max_wait_ms / 1000
        self._statistics = statistics
        self._ssrc: int | None = None
        self._next = 0
        self._came = 0
        """Which of the last packets have come: bit n is number `_next - 1 - n`."""
        self._held: dict[int, tuple[RtpPacket, float]] = {}
        self._candidate: tuple[RtpPacket, float] | None = None
        self._transit_s: float | None = None
        self._jitter_s = 0.0

    def push(self, packet: RtpPacket, now_s: float) -> list[OrderedPacket]:
        """What can be played now that this packet has come."""
        self._statistics.received += 1
        if self._ssrc is None:
            return self._restart([(packet, now_s)])
        ahead = signed_difference(packet.sequence_number, self._next, 16)
        if packet.ssrc != self._ssrc or not -MAX_MISORDER <= ahead < MAX_DROPOUT:
            return self._consider(packet, now_s)
        self._candidate = None
        if ahead < 0:
            if self._came >> (-ahead - 1) & 1:
                self._statistics.duplicate += 1
            else:
                self._statistics.late += 1
            return []
        if packet.sequence_number in self._held:
            self._statistics.duplicate += 1
            return []
        self._measure_jitter(packet, now_s)
        if any(signed_difference(number, packet.sequence_number, 16) > 0 for number in self._held):
            self._statistics.reordered += 1
        self._held[packet.sequence_number] = (packet, now_s)
        ready = self._take()
        while len(self._held) > MAX_HELD:
            ready += self._give_up()
        return ready

    def poll(self, now_s: float) -> list[OrderedPacket]:
        """What can be played now that the wait for what is missing may be over."""
        ready: list[OrderedPacket] = []
        while (deadline := self.deadline_s()) is not None and now_s >= deadline:
            ready += self._give_up()
        return ready

    def deadline_s(self) -> float | None:
        """When the wait for a missing packet is over; None where none is missing."""
        if not self._held:
            return None
        _, first_arrival_s = next(iter(self._held.values()))
        return first_arrival_s + min(self._max_wait_s, PTIME_MS / 1000 + 4 * self._jitter_s)

    def _take(self) -> list[OrderedPacket]:
        ready = []
        while (held := self._held.pop(self._next, None)) is not None:
            ready.append(self._passed(*held))
        return ready

    def _give_up(self) -> list[OrderedPacket]:
        """Go on behind the first gap."""
        first = min(self._held, key=lambda number: signed_difference(number, self._next, 16))
        missing = signed_difference(first, self._next, 16)
        self._statistics.lost += missing
        packet, arrival_s = self._held.pop(first)
        return [self._passed(packet, arrival_s, missing), *self._take()]

    def _passed(
        self, packet: RtpPacket, arrival_s: float, missing: int = 0, restart: bool = False
    ) -> OrderedPacket:
        self._next = (packet.sequence_number + 1) % (1 << 16)
        self._came = (self._came << (missing + 1) | 1) & _REMEMBERED
        return OrderedPacket(packet, arrival_s, missing, restart)

    def _consider(self, packet: RtpPacket, now_s: float) -> list[OrderedPacket]:
        first, self._candidate = self._candidate, (packet, now_s)
        if first is None or first[0].ssrc != packet.ssrc:
            return []
        if signed_difference(packet.sequence_number, first[0].sequence_number, 16) != 1:
            return []
        self._statistics.resets += 1
        ready: list[OrderedPacket] = []
        while self._held:
            ready += self._give_up()
        return ready + self._restart([first, (packet, now_s)])

    def _restart(self, packets: list[tuple[RtpPacket, float]]) -> list[OrderedPacket]:
        self._ssrc = packets[0][0].ssrc
        self._candidate = None
        self._came = 0
        self._transit_s = None
        ready = []
        for index, (packet, arrival_s) in enumerate(packets):
            self._measure_jitter(packet, arrival_s)
            ready.append(self._passed(packet, arrival_s, restart=index == 0))
        return ready

    def _measure_jitter(self, packet: RtpPacket, now_s: float) -> None:
        """RFC 3550 appendix A.8."""
        transit_s = now_s - packet.timestamp / CLOCK_RATE
        if self._transit_s is not None:
            # The timestamp may have wrapped in between.
            wrap_s = (1 << 32) / CLOCK_RATE
            change_s = abs((transit_s - self._transit_s + wrap_s / 2) % wrap_s - wrap_s / 2)
            # A stall is no jitter: one of seconds would keep every later gap waiting for its longest.
            self._jitter_s += (min(change_s, self._max_wait_s) - self._jitter_s) / 16
            self._statistics.jitter_ms = self._jitter_s * 1000
        self._transit_s = transit_s
