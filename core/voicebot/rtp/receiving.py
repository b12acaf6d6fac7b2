"""From a user's packets to a continuous clock of 16 kHz audio (sans-I/O)."""

from __future__ import annotations

import numpy as np

from voicebot.audio import PTIME_MS, AudioChunk, Samples
from voicebot.rtp.opus import DECODED_RATE, DTX_BYTES, OpusDecoder, has_fec, packet_ticks
from voicebot.rtp.packet import CLOCK_RATE, RtpError, RtpPacket, signed_difference
from voicebot.rtp.reordering import OrderedPacket, ReorderBuffer
from voicebot.rtp.settings import JitterSettings
from voicebot.rtp.statistics import ReceiverStatistics

__all__ = ["RtpReceiver"]

_TICKS = CLOCK_RATE // DECODED_RATE
"""Timestamp ticks in one sample of the output."""
_TICKS_PER_MS = CLOCK_RATE // 1000
_SLOT = PTIME_MS * _TICKS_PER_MS
_SLOT_S = PTIME_MS / 1000
_GRAIN = 120
"""libopus conceals in steps of 2.5 ms."""
MAX_CONCEALED = 80 * _TICKS_PER_MS
"""Beyond that a guess is no longer speech."""
MAX_JUMP = 2 * CLOCK_RATE
"""More silence than this is never made up at once: a timestamp so far ahead of real time is another clock."""
REPAY_AFTER = 2 * CLOCK_RATE
"""Silence is left out only when it has lasted so long that no turn's end still hangs on it."""
_ADAPTING = 256
"""Packets over which a path that has become longer counts as the normal one."""


class RtpReceiver:
    """Decodes one user's Opus packets for a recogniser: no playout delay, and no hole in the audio's clock.

    - Packets in order are decoded the moment they come. Missing ones are waited for (`ReorderBuffer`), then mended:
      the last by the FEC in its successor, up to 80 ms before it by concealment, and what is longer by silence. Those
      that come after that are dropped.
    - A timestamp that jumps where no number is missing is DTX: silence of exactly that length.
    - While nothing comes the audio goes on in real time, for the silence that ends a turn is counted on it. After a
      DTX packet it is 20 ms behind the time at which the next packet would have been due; after any other packet
      nothing is filled in until nothing has come for `stall_ms`, and then all up to there. Due times follow the
      fastest packets.
    - Packets whose time was filled that way before they came hold speech that a stall held up: they are played. The
      audio is then longer than the time it took; that is made good by leaving out silence once a silence has lasted
      2 s.
    - A new SSRC, far-off numbers or timestamps start anew: the audio goes on with that packet, with nothing between.

    Nothing comes out before the first packet. Memory is bounded whatever comes in: 64 packets wait at most, and a
    packet or a poll gives little more than 2 s of silence. The caller hands over the packets it has before it polls,
    so that its own delays do not count as a stall. `now_s` must not go backwards.

    Args:
        decoder: this receiver's own.
        payload_type: packets of other types (DTMF, say) are taken off the sequence and not decoded; None: all are Opus.
    """

    def __init__(
        self, decoder: OpusDecoder, settings: JitterSettings, *, payload_type: int | None = None
    ) -> None:
        self.statistics = ReceiverStatistics()
        self._order = ReorderBuffer(settings.max_wait_ms, self.statistics)
        self._decoder = decoder
        self._payload_type = payload_type
        self._stall_s = settings.stall_ms / 1000
        # Lengths are ticks of the sender's clock, 1/48000 s.
        self._position = 0
        """How much audio has been given."""
        self._end = 0
        """The timestamp at which the last packet ended."""
        self._filled = 0
        """Silence given since then because time passed."""
        self._surplus = 0
        """Time that was filled first and spoken later, and not made good yet."""
        self._base_s: float | None = None
        """When position 0 would have arrived on the fastest path."""
        self._last_s = 0.0
        """When the last packet came."""
        self._missing = 0
        self._quiet = False
        """Nothing is expected soon: the last packet was DTX, or a stall is being filled."""
        self._after_dtx = False
        self._silence = 0
        """For how long nobody has spoken."""

    def receive(self, packet: RtpPacket, now_s: float) -> list[AudioChunk]:
        """What became playable by this packet."""
        chunks: list[AudioChunk] = []
        for item in self._order.push(packet, now_s):
            self._play(item, chunks)
        return chunks

    def poll(self, now_s: float) -> list[AudioChunk]:
        """What became playable by time alone."""
        chunks: list[AudioChunk] = []
        for item in self._order.poll(now_s):
            self._play(item, chunks)
        if self._order.deadline_s() is None:
            self._fill(now_s, chunks)
        return chunks

    def next_poll_s(self) -> float | None:
        """When `poll` has something to do if no packet comes; None before the first packet."""
        deadline_s = self._order.deadline_s()
        if deadline_s is not None or self._base_s is None:
            return deadline_s
        return self._fill_due_s(self._base_s)

    # --- packets ----------------------------------------------------------------------------------------------------

    def _play(self, item: OrderedPacket, chunks: list[AudioChunk]) -> None:
        packet, payload = item.packet, item.packet.payload
        if item.restart:
            self._decoder.reset()
            self._anchor(packet)
        self._missing += item.missing
        if not payload or self._payload_type not in (None, packet.payload_type):
            return
        gap = signed_difference(packet.timestamp, self._end, 32)
        if gap < 0 or gap - self._filled > MAX_JUMP:
            self.statistics.resets += 1
            self._anchor(packet)
            gap = 0
        speech = len(payload) > DTX_BYTES
        if gap or self._filled:
            self._bridge(payload, gap, chunks)
        elif speech and not self._quiet:
            self._silence = 0
        samples = self._decoded(payload)
        self._emit(samples, chunks)
        self._end = (packet.timestamp + len(samples) * _TICKS) % (1 << 32)
        self._filled = self._missing = 0
        self._quiet = self._after_dtx = not speech
        self._follow_path(item.arrival_s)

    def _decoded(self, payload: bytes) -> Samples:
        try:
            return self._decoder.decode(payload)
        except RtpError:
            self.statistics.invalid += 1
            return self._decoder.conceal((packet_ticks(payload) or _SLOT) // _TICKS)

    def _anchor(self, packet: RtpPacket) -> None:
        """The sender's clock is another: the audio goes on from here with this packet."""
        self._end = packet.timestamp
        self._base_s = None
        self._filled = self._missing = 0

    def _bridge(self, payload: bytes, gap: int, chunks: list[AudioChunk]) -> None:
        """Audio for a hole of `gap` ticks before this packet, of which time may have filled some, or more."""
        length = packet_ticks(payload)
        lost = min(gap, self._missing * (length or _SLOT))
        mendable = lost - lost % _GRAIN
        fec = length if 0 < length <= mendable and has_fec(payload) else 0
        # After silence there is no sound to go on from.
        guess = 0 if self._quiet else min(mendable - fec, MAX_CONCEALED)
        rest = gap - self._filled - fec - guess
        if guess:
            self._emit(self._decoder.conceal(guess // _TICKS), chunks)
        self._emit_silence(max(0, rest), chunks)
        self._surplus += max(0, -rest)
        if fec:
            self._emit(self._recovered(payload, fec), chunks)
        concealed = guess + min(max(0, rest), lost - fec - guess)
        self.statistics.concealed_ms += concealed / _TICKS_PER_MS
        self.statistics.dtx_ms += (guess + max(0, rest) - concealed) / _TICKS_PER_MS

    def _recovered(self, payload: bytes, ticks: int) -> Samples:
        try:
            samples = self._decoder.recover(payload, ticks // _TICKS)
        except RtpError:
            return self._decoder.conceal(ticks // _TICKS)
        self.statistics.recovered += 1
        return samples

    def _follow_path(self, arrival_s: float) -> None:
        """Learn when packets are due: at once from a faster one, slowly from slower ones."""
        self._last_s = arrival_s
        transit_s = arrival_s - self._position / CLOCK_RATE
        if self._base_s is None or transit_s < self._base_s:
            self._base_s = transit_s
        else:
            self._base_s += (transit_s - self._base_s) / _ADAPTING

    # --- time -------------------------------------------------------------------------------------------------------

    def _fill_due_s(self, base_s: float) -> float:
        """When the next slot is to be filled with silence."""
        due_s = base_s + (self._position + _SLOT) / CLOCK_RATE + _SLOT_S
        # While packets come, late as they may be, there is nothing to fill.
        return max(due_s, self._last_s + (2 * _SLOT_S if self._quiet else self._stall_s))

    def _fill(self, now_s: float, chunks: list[AudioChunk]) -> None:
        while self._base_s is not None and now_s >= self._fill_due_s(self._base_s):
            self._quiet = True
            if (excess_s := now_s - self._base_s - (self._position + MAX_JUMP) / CLOCK_RATE) > 0:
                # This machine slept. Nobody waits for that silence.
                self._pass_over(excess_s)
            self._filled += _SLOT
            self._emit_silence(_SLOT, chunks)
            if self._after_dtx:
                self.statistics.dtx_ms += PTIME_MS
            else:
                self.statistics.stall_ms += PTIME_MS

    def _pass_over(self, seconds: float) -> None:
        """Time goes on without audio."""
        if self._base_s is not None:
            self._base_s += seconds
        self.statistics.skipped_ms += seconds * 1000

    # --- audio ------------------------------------------------------------------------------------------------------

    def _emit(self, samples: Samples, chunks: list[AudioChunk]) -> None:
        self._position += len(samples) * _TICKS
        if len(samples):
            chunks.append(AudioChunk(samples, DECODED_RATE))

    def _emit_silence(self, ticks: int, chunks: list[AudioChunk]) -> None:
        """Give silence in chunks of 20 ms, less what is to be left out."""
        self._silence += ticks
        if self._silence > REPAY_AFTER and self._surplus:
            repaid = min(ticks, self._surplus)
            self._surplus -= repaid
            self._pass_over(repaid / CLOCK_RATE)
            ticks -= repaid
        while ticks > 0:
            self._emit(np.zeros(min(ticks, _SLOT) // _TICKS, np.int16), chunks)
            ticks -= _SLOT
