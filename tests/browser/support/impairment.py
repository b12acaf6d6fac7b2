"""What a bad network does to datagrams, decided without sockets and without a clock."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Counters", "Impairment", "is_media"]


@dataclass
class Counters:
    """Datagrams of one direction."""

    passed: int = 0
    dropped: int = 0
    spared: int = 0
    """Those that the impairment does not touch: STUN and DTLS."""
    reordered: int = 0


class Impairment:
    """Loses media at random, and delays the rest; one direction.

    What is not media passes at once: a handshake whose packets are lost takes seconds of retransmission timers and says
    nothing of the sound.

    Args:
        loss: probability, 0 to 1.
        jitter_ms: delays are uniform from 0 to this.
        keep_order: a datagram is never delivered before an earlier one (the delay of that one adds to its own), as on
            most real paths.
    """

    def __init__(
        self, seed: int, *, loss: float = 0.0, jitter_ms: float = 0.0, keep_order: bool = True
    ) -> None:
        if not 0 <= loss <= 1 or jitter_ms < 0:
            raise ValueError(f"loss {loss} is not from 0 to 1, or jitter {jitter_ms} is negative")
        self._random = random.Random(seed)
        self._loss, self._jitter_s, self._keep_order = loss, jitter_ms / 1000, keep_order
        self._last_due_s = float("-inf")
        self.counters = Counters()

    def due_s(self, datagram: bytes, now_s: float) -> float | None:
        """When to deliver it, `now_s` or later; None to drop it."""
        if not is_media(datagram):
            self.counters.spared += 1
            return now_s
        if self._random.random() < self._loss:
            self.counters.dropped += 1
            return None
        due_s = now_s + self._random.uniform(0, self._jitter_s)
        if due_s < self._last_due_s:
            if self._keep_order:
                due_s = self._last_due_s
            else:
                self.counters.reordered += 1
        self._last_due_s = max(self._last_due_s, due_s)
        self.counters.passed += 1
        return due_s


def is_media(datagram: bytes) -> bool:
    """RTP or RTCP, by the first byte (RFC 7983, section 7)."""
    return len(datagram) > 1 and 128 <= datagram[0] <= 191
