"""Whose request it is, and whether a front can be reached by strangers (sans-I/O)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["Caller", "Proxies", "caller_key", "is_loopback_host", "is_loopback_name"]

_Address = IPv4Address | IPv6Address
_MOST_HOPS = 32
FORWARDING_HEADERS = ("X-Forwarded-For", "Forwarded", "Via")
"""What proxies add. A request with one of them has come a longer way than it seems to."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from."""

    address: str
    """The caller's, as far as it is known."""
    key: str
    """What limits per address go by; "" where there are none: a program on this machine."""
    forwarded: bool = False
    """A proxy brought it."""
    unknown_proxy: bool = False
    """One that is not trusted: the address is the proxy's own."""


class Proxies:
    """Finds the caller behind proxies.

    Args:
        trusted: addresses or networks of those whose X-Forwarded-For is believed.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: list[IPv4Network | IPv6Network] = [ip_network(one, strict=False) for one in trusted]

    def caller(self, peer: str, forwarded_for: str = "", *, via_proxy: bool = False) -> Caller:
        """The nearest address that is not a trusted proxy's.

        Args:
            peer: the other end of the TCP connection.
            forwarded_for: the X-Forwarded-For headers, joined by commas. Each proxy adds at the end the address
                that it was asked by; whatever comes before an address that is not trusted is hearsay.
            via_proxy: another header says that a proxy brought it.
        """
        forwarded = via_proxy or bool(forwarded_for.strip())
        address = _parsed(peer)
        if address is None:
            return Caller(peer, caller_key(peer), forwarded, unknown_proxy=forwarded)
        if not self.trusts(address):
            # A program on this machine is its user's own, unless it brings others.
            key = "" if address.is_loopback and not forwarded else caller_key(str(address))
            return Caller(str(address), key, forwarded, unknown_proxy=forwarded)
        if not forwarded_for.strip():
            return Caller(str(address), "" if not forwarded else caller_key(str(address)), forwarded)
        for hop in reversed(forwarded_for.split(",")[-_MOST_HOPS:]):
            found = _parsed(hop)
            if found is None:
                break
            address = found
            if not self.trusts(found):
                break
        return Caller(str(address), caller_key(str(address)), forwarded=True)

    def trusts(self, address: str | _Address) -> bool:
        parsed = _parsed(address) if isinstance(address, str) else address
        return parsed is not None and any(parsed in network for network in self._trusted)


def caller_key(address: str) -> str:
    """What an address is counted as: IPv4 as it is, IPv6 by its first 64 bits, which one customer has whole."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed or address[:64])


def is_loopback_host(host: str) -> bool:
    """Whether a front that listens on this `host` can be reached from this machine only."""
    return is_loopback_name(f"[{host}]" if ":" in host and not host.startswith("[") else host)


def is_loopback_name(host: str) -> bool:
    """Whether a Host header, with or without a port, names this machine by an address or name that is always its own.

    A page of another site whose name is made to point here (DNS rebinding) says its own name.
    """
    host = host.strip().lower()
    name = host[1 : host.find("]")] if host.startswith("[") and "]" in host else host.rsplit(":", 1)[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    parsed = _parsed(name)
    return parsed is not None and parsed.is_loopback


def _parsed(text: str) -> _Address | None:
    """An address as peers and proxies write it: with a port, in brackets, with a zone, or IPv4 in IPv6."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].split("]", 1)[0]
    elif text.count(":") == 1:
        text = text.split(":", 1)[0]
    try:
        address = ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
