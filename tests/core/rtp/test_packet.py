from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.rtp.packet import RtpError, RtpPacket, signed_difference

PACKETS = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence_number=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFF_FFFF),
    ssrc=st.integers(0, 0xFFFF_FFFF),
    payload=st.binary(max_size=1300),
    marker=st.booleans(),
)


@given(PACKETS)
def test_a_packet_reads_as_it_was_written(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.serialize()) == packet


@given(
    PACKETS, st.lists(st.integers(0, 0xFFFF_FFFF), max_size=15), st.binary(max_size=40), st.integers(0, 255)
)
def test_sources_extension_and_padding_are_taken_off(
    packet: RtpPacket, sources: list[int], extension: bytes, padding: int
) -> None:
    extension = extension[: len(extension) // 4 * 4]
    data = bytearray(packet.serialize())
    head, payload = data[:12], data[12:]
    head[0] |= len(sources) | 0x10 | (0x20 if padding else 0)
    head += b"".join(struct.pack("!I", source) for source in sources)
    head += struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
    tail = bytes(padding - 1) + bytes([padding]) if padding else b""
    assert RtpPacket.parse(bytes(head + payload + tail)) == packet


@given(st.binary(max_size=80) | st.binary(min_size=11, max_size=80).map(lambda data: b"\xbf" + data))
def test_any_bytes_are_a_packet_or_an_error(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except RtpError:
        return
    assert len(packet.payload) <= len(data) - 12
    assert RtpPacket.parse(packet.serialize()) == packet


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "shorter"),
        (bytes(12), "version 0"),
        (b"\x81" + bytes(11), "header is cut short"),
        (b"\x90" + bytes(11), "extension is cut short"),
        (b"\x90" + bytes(11) + b"\x00\x00\x00\x01", "header is cut short"),
        (b"\xa0" + bytes(11) + b"\x00", "0 bytes of padding"),
        (b"\xa0" + bytes(11) + b"\x02", "2 bytes of padding on 1"),
        (b"\xa0" + bytes(11), "padding on 0"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(RtpError, match=reason):
        RtpPacket.parse(data)


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(128, 0, 0, 0, b""),
        RtpPacket(-1, 0, 0, 0, b""),
        RtpPacket(0, 0x1_0000, 0, 0, b""),
        RtpPacket(0, 0, 1 << 32, 0, b""),
        RtpPacket(0, 0, 0, -1, b""),
    ],
)
def test_a_field_out_of_range_is_not_written(packet: RtpPacket) -> None:
    with pytest.raises(RtpError):
        packet.serialize()


@given(st.integers(0, 0xFFFF), st.integers(-0x8000, 0x7FFF))
def test_differences_go_the_short_way_round(start: int, change: int) -> None:
    assert signed_difference((start + change) % 0x1_0000, start, 16) == change
