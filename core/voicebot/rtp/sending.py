"""The agent's audio on a continuous clock of 20 ms slots (sans-I/O)."""

from __future__ import annotations

import math
import random
from collections import deque

import numpy as np

from voicebot.audio import PTIME_MS, AudioChunk, Samples
from voicebot.rtp.opus import DTX_BYTES, PACKET_SAMPLES, OpusEncoder
from voicebot.rtp.packet import CLOCK_RATE, RtpPacket
from voicebot.rtp.statistics import SenderStatistics

__all__ = ["CAPACITY", "MAX_BURST", "RtpSender"]

CAPACITY = 10
"""Packets that may wait to be sent: 200 ms, several times the lead that the session keeps."""
MAX_BURST = 10
"""Slots that are caught up on at once: after a longer sleep the missed ones are passed over."""
_SILENCE = np.zeros(PACKET_SAMPLES, np.int16)


class RtpSender:
    """One slot every 20 ms from the first `due` on, for as long as the call lasts.

    - A slot sends the oldest packet that was pushed, or else silence. Where the encoder says that silence need not be
      sent (DTX) its first such packet is sent, so that the listener knows, and then none until the encoder wants a
      refresh (about every 400 ms), some five packets a second in all: what WebRTC's own sender does.
    - After a slot that was not sent the first push waits for none: the next slot begins at once, and the others follow
      every 20 ms from there.
    - Timestamps are when slots begin, so they are real time and cannot drift; sequence numbers count packets sent. The
      marker is on the first packet of speech after silence.
    - Whoever wakes late sends what was pushed in the slots that have passed, and nothing is lost; past slots without
      audio are passed over. After more than `MAX_BURST` of them (200 ms) all are, and the audio goes on from now.
    - At most `CAPACITY` packets wait. When full the oldest is dropped and counted: its listener is past it.

    Args:
        sequence_number, timestamp: of the first packet; random if None (RFC 3550 section 5.1).
    """

    def __init__(
        self,
        encoder: OpusEncoder,
        payload_type: int,
        ssrc: int,
        *,
        sequence_number: int | None = None,
        timestamp: int | None = None,
    ) -> None:
        self.statistics = SenderStatistics()
        self._encoder = encoder
        self._payload_type = payload_type
        self._ssrc = ssrc
        source = random.SystemRandom()
        self._sequence_number = source.getrandbits(16) if sequence_number is None else sequence_number
        self._timestamp = source.getrandbits(32) if timestamp is None else timestamp
        self._start_s: float | None = None
        self._slot = 0
        """The next one."""
        self._queue: deque[tuple[Samples, int]] = deque()
        """Padded samples, and how many of them were pushed."""
        self._heard = 0
        self._talking = False
        """The last slot's packet was speech, and was sent."""
        self._in_dtx = False
        self._resting = False
        """Nothing was sent in the last slot."""

    def push(self, packet: AudioChunk) -> None:
        """Send this after what was pushed before. Never blocks.

        Args:
            packet: 20 ms of 48 kHz; a shorter one (a turn's last) is filled up with silence.

        Raises:
            ValueError: another rate, or more than 20 ms.
        """
        samples = packet.samples
        if packet.sample_rate != CLOCK_RATE or len(samples) > PACKET_SAMPLES:
            raise ValueError(
                f"{len(samples)} samples at {packet.sample_rate} Hz; a packet is {PACKET_SAMPLES} at {CLOCK_RATE} Hz"
            )
        if len(self._queue) >= CAPACITY:
            self._heard += self._queue.popleft()[1]
            self.statistics.dropped += 1
        padded = (
            np.pad(samples, (0, PACKET_SAMPLES - len(samples))) if len(samples) < PACKET_SAMPLES else samples
        )
        self._queue.append((padded, len(samples)))
        self.statistics.high_water = max(self.statistics.high_water, len(self._queue))

    def due(self, now_s: float) -> list[RtpPacket]:
        """The packets whose slots have come; the first call starts the clock."""
        if self._start_s is None:
            self._start_s = now_s
        if self._resting and self._queue:
            self._begin_slot(self._start_s, now_s)
        packets: list[RtpPacket] = []
        # A microsecond of slack: the caller woke at `next_due_s` by a clock that rounds.
        current = math.floor((now_s - self._start_s + 1e-6) * 1000 / PTIME_MS)
        if current - self._slot >= MAX_BURST:
            self._pass_over(current)
        while self._slot <= current:
            if not self._queue and self._slot < current:
                self._pass_over(current)
            packet = self._send_slot()
            if packet is not None:
                packets.append(packet)
        return packets

    def next_due_s(self) -> float:
        """When the next slot is; -inf for at once: before the first call of `due`, and where a push ends DTX."""
        if self._start_s is None or (self._resting and self._queue):
            return -math.inf
        return self._start_s + self._slot * PTIME_MS / 1000

    def cancel(self) -> None:
        """Drop what is waiting: the next slot is silence."""
        self.statistics.cancelled += len(self._queue)
        self._queue.clear()

    def heard_samples(self) -> int:
        """How many of the pushed samples have left (or were dropped where the queue was full): never cancelled ones.

        It is what the network has got. The listener hears it a path and a jitter buffer later.
        """
        return self._heard

    def _begin_slot(self, start_s: float, now_s: float) -> None:
        """Have the next slot begin now, whenever it would."""
        slot_s = PTIME_MS / 1000
        late = math.floor((now_s - start_s) / slot_s - self._slot)
        if late > 0:
            self._pass_over(self._slot + late)
        early_s = start_s + self._slot * slot_s - now_s
        # At most a slot's, the one that was not sent: timestamps go on rising.
        ticks = min(math.ceil((early_s - 1e-6) * CLOCK_RATE), PACKET_SAMPLES)
        self._start_s = start_s - ticks / CLOCK_RATE
        self._timestamp -= ticks

    def _pass_over(self, slot: int) -> None:
        self.statistics.skipped += slot - self._slot
        self._slot = slot
        self._talking = False

    def _send_slot(self) -> RtpPacket | None:
        pushed = bool(self._queue)
        samples, count = self._queue.popleft() if pushed else (_SILENCE, 0)
        self._heard += count
        timestamp = (self._timestamp + self._slot * PACKET_SAMPLES) % (1 << 32)
        self._slot += 1
        payload = self._encoder.encode(samples)
        was_in_dtx, self._in_dtx = self._in_dtx, self._encoder.dtx and len(payload) <= DTX_BYTES
        self._resting = self._in_dtx and was_in_dtx
        if self._resting:
            self._talking = False
            self.statistics.unsent += 1
            return None
        packet = RtpPacket(
            payload_type=self._payload_type,
            sequence_number=self._sequence_number,
            timestamp=timestamp,
            ssrc=self._ssrc,
            payload=payload,
            marker=pushed and not self._in_dtx and not self._talking,
        )
        self._talking = pushed and not self._in_dtx
        self._sequence_number = (self._sequence_number + 1) % (1 << 16)
        self.statistics.packets += 1
        self.statistics.octets += len(payload)
        return packet
