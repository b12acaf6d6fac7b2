"""What the two directions count. Times are milliseconds of audio."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ReceiverStatistics", "SenderStatistics"]


@dataclass(slots=True)
class ReceiverStatistics:
    received: int = 0
    """Packets, whatever became of them."""
    lost: int = 0
    """Given up while their successors waited."""
    late: int = 0
    """Came after they were given up, and were dropped."""
    duplicate: int = 0
    reordered: int = 0
    """Came after a successor, in time."""
    invalid: int = 0
    """Payloads that were no Opus; concealed."""
    recovered: int = 0
    """Lost packets that the next one carried too (FEC)."""
    concealed_ms: float = 0.0
    """Lost sound that was guessed, or silence where there was too much of it."""
    dtx_ms: float = 0.0
    """Silence that the sender did not send."""
    stall_ms: float = 0.0
    """Silence in place of packets that were still to come, or never came."""
    skipped_ms: float = 0.0
    """Silence left out, or time passed over, to bring the audio's clock and the real one together."""
    resets: int = 0
    """Another sender, or jumps of its numbers or timestamps."""
    jitter_ms: float = 0.0
    """Interarrival jitter (RFC 3550 section 6.4.1), now."""


@dataclass(slots=True)
class SenderStatistics:
    packets: int = 0
    octets: int = 0
    """Of payload, as an RTCP sender report counts them."""
    unsent: int = 0
    """Slots of silence in which nothing was sent (DTX)."""
    skipped: int = 0
    """Slots that passed while the sender slept, and for which there was nothing to say."""
    dropped: int = 0
    """The oldest ones, of packets pushed into a full queue."""
    cancelled: int = 0
    """Packets that were cancelled before they were sent."""
    high_water: int = 0
    """The most packets that ever waited."""
