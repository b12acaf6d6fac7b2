"""As much of STUN (RFC 8489) as asking "which address do you see me at?" takes."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

__all__ = ["BadStun", "binding_request", "mapped_address"]

COOKIE = 0x2112A442
REQUEST, SUCCESS = 0x0001, 0x0101
MAPPED, XOR_MAPPED = 0x0001, 0x0020


class BadStun(ValueError):
    """Bytes that are no answer to the question."""


def binding_request(transaction: bytes) -> bytes:
    """The question (RFC 8489 section 5).

    Args:
        transaction: 12 random bytes; the answer repeats them.
    """
    return struct.pack(">HHI", REQUEST, 0, COOKIE) + transaction


def mapped_address(data: bytes, transaction: bytes) -> tuple[str, int]:
    """The address and port in an answer.

    Raises:
        BadStun: it is no success response to this transaction, or holds no address.
    """
    if len(data) < 20:
        raise BadStun("shorter than a STUN header")
    kind, length, cookie = struct.unpack(">HHI", data[:8])
    if kind != SUCCESS or cookie != COOKIE or data[8:20] != transaction or length != len(data) - 20:
        raise BadStun("no success response to this request")
    plain: tuple[str, int] | None = None
    at = 20
    while at + 4 <= len(data):
        attribute, size = struct.unpack(">HH", data[at : at + 4])
        value = data[at + 4 : at + 4 + size]
        if attribute == XOR_MAPPED:
            return _address(value, struct.pack(">I", COOKIE) + transaction)
        if attribute == MAPPED and plain is None:
            plain = _address(value, bytes(16))
        at += 4 + size + -size % 4
    if plain is None:
        raise BadStun("it holds no address")
    return plain


def _address(value: bytes, mask: bytes) -> tuple[str, int]:
    family = value[1] if len(value) >= 4 else 0
    length = {1: 4, 2: 16}.get(family)
    if length is None or len(value) != 4 + length:
        raise BadStun("an address of no known family")
    port = int.from_bytes(value[2:4], "big") ^ int.from_bytes(mask[:2], "big")
    raw = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    return str(IPv4Address(raw) if length == 4 else IPv6Address(raw)), port
