"""RTP packets (RFC 3550 section 5.1): bytes to values and back."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

__all__ = ["CLOCK_RATE", "RtpError", "RtpPacket", "signed_difference"]

CLOCK_RATE = 48_000
"""Hz of Opus timestamps, whatever rate is encoded (RFC 7587 section 4.1)."""

_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")


class RtpError(ValueError):
    """Bytes from outside that are no RTP packet, or a payload that is no Opus: to be counted and dropped."""


def signed_difference(a: int, b: int, bits: int) -> int:
    """`a - b` of two counters of that many bits, taken the short way round: negative where `a` is the older."""
    half = 1 << (bits - 1)
    return (a - b + half) % (1 << bits) - half


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet. What a contributing source list or a header extension says is not kept."""

    payload_type: int
    """7 bits."""
    sequence_number: int
    """16 bits, one up per packet."""
    timestamp: int
    """32 bits, of the payload's first sample."""
    ssrc: int
    """32 bits."""
    payload: bytes
    marker: bool = False
    """The first packet of a talk spurt."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a packet; padding is removed.

        RTCP on the same port (RFC 5761) reads as payload types 64 to 95 and is to be told apart before.

        Raises:
            RtpError: not version 2, or shorter than its own header, extension or padding says.
        """
        if len(data) < _HEADER.size:
            raise RtpError(f"{len(data)} bytes are shorter than an RTP header")
        first, second, sequence_number, timestamp, ssrc = _HEADER.unpack_from(data)
        if first >> 6 != 2:
            raise RtpError(f"RTP version {first >> 6}")
        start = _HEADER.size + 4 * (first & 0x0F)
        if first & 0x10:
            if len(data) < start + _EXTENSION.size:
                raise RtpError("the header extension is cut short")
            start += _EXTENSION.size + 4 * _EXTENSION.unpack_from(data, start)[1]
        end = len(data)
        if start > end:
            raise RtpError("the header is cut short")
        if first & 0x20:
            padding = data[-1]
            if not 0 < padding <= end - start:
                raise RtpError(f"{padding} bytes of padding on {end - start} bytes")
            end -= padding
        return cls(
            payload_type=second & 0x7F,
            sequence_number=sequence_number,
            timestamp=timestamp,
            ssrc=ssrc,
            payload=bytes(data[start:end]),
            marker=bool(second & 0x80),
        )

    def serialize(self) -> bytes:
        """The packet's bytes, without extension or padding.

        Raises:
            RtpError: a field has more bits than RTP has for it.
        """
        if not 0 <= self.payload_type <= 0x7F:
            raise RtpError(f"payload type {self.payload_type}")
        second = self.payload_type | (0x80 if self.marker else 0)
        try:
            header = _HEADER.pack(0x80, second, self.sequence_number, self.timestamp, self.ssrc)
        except struct.error as error:
            raise RtpError(f"a header field is out of range: {error}") from None
        return header + self.payload
