"""When each packet may go: a sample clock, not a chain of sleeps."""

from __future__ import annotations

from voicebot.audio import PTIME_MS

__all__ = ["LEAD_MS", "Pacer"]

LEAD_MS = 60
"""How far ahead of its playout a packet is sent: the jitter that a busy machine may have without an audible gap."""


class Pacer:
    """Times the packets of one direction (sans-I/O).

    Within a talk spurt packet k is played `k * ptime` after the first and may be sent `lead` before that, however
    late or early its sender wakes. When the audio runs dry, the next packet begins a new spurt.
    """

    def __init__(self, lead_ms: float = LEAD_MS) -> None:
        self._lead_s = lead_ms / 1000
        self._ptime_s = PTIME_MS / 1000
        self._start_s: float | None = None
        self._sent = 0

    @property
    def playout_end_s(self) -> float:
        """When the packets sent so far will have been played; before the first, the beginning of time."""
        return float("-inf") if self._start_s is None else self._start_s + self._sent * self._ptime_s

    def send_at(self, now_s: float) -> float:
        """When the next packet may be sent, given that it is ready now (may lie in the past)."""
        if now_s > self.playout_end_s:
            self._start_s, self._sent = now_s, 0
        return self.playout_end_s - self._lead_s

    def sent(self) -> float:
        """The packet has been sent; returns when it is played."""
        playout_s = self.playout_end_s
        self._sent += 1
        return playout_s

    def restart(self) -> None:
        """What was sent was discarded, or is held: the next packet begins a new spurt."""
        self._start_s, self._sent = None, 0
