"""Whether UDP leaves and comes back: the profile's STUN and TURN servers are asked which address they see."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable

from voicebot.doctor.finding import Finding, Patient
from voicebot.doctor.stun_messages import BadStun, binding_request, mapped_address

__all__ = ["ask", "stun"]

ATTEMPTS_S = (0.5, 1.0, 1.5)
"""How long each of the questions waits (RFC 8489 section 6.2.1 doubles from 500 ms)."""
_URL = re.compile(
    r"(?:stun|turn):(?P<host>\[[^\]]+\]|[^:?/]+)(?::(?P<port>\d{1,5}))?(?P<tcp>\?transport=tcp)?"
)


async def stun(patient: Patient) -> Iterable[Finding]:
    """Ask each server once; compare what it sees with the address that pages are told."""
    found = []
    announced = getattr(patient.rtc, "announced_address", None)
    for host, port in dict.fromkeys(_servers(patient)):
        where = f"{host}:{port}"
        try:
            seen, _ = await ask(host, port)
        except (TimeoutError, OSError, BadStun) as error:
            why = str(error) or "no answer"
            do = "Is it running, and does a firewall let UDP out and back? Callers behind strict networks need it."
            found.append(Finding("stun", "warn", f"{where} does not answer: {why}", do))
            continue
        if announced and _is_ip(announced) and seen != announced and not seen.startswith("127."):
            what = f"{where} sees this machine at {seen}, and pages are told {announced}"
            do = f"If {seen} is its public address, set transport.rtc.announced_address to that."
            found.append(Finding("stun", "warn", what, do))
        else:
            found.append(Finding("stun", "ok", f"{where} sees this machine at {seen}"))
    return found


async def ask(host: str, port: int, attempts_s: Iterable[float] = ATTEMPTS_S) -> tuple[str, int]:
    """The address and port at which a STUN server sees a socket of this machine.

    Raises:
        TimeoutError, OSError: it does not answer; BadStun: what answers is no STUN server.
    """
    loop = asyncio.get_running_loop()
    transaction = os.urandom(12)
    answer: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Listener(answer), remote_addr=(host.strip("[]"), port)
    )
    try:
        for wait_s in attempts_s:
            transport.sendto(binding_request(transaction))
            done, _ = await asyncio.wait([answer], timeout=wait_s)
            if done:
                return mapped_address(answer.result(), transaction)
        raise TimeoutError("no answer")
    finally:
        transport.close()
        answer.cancel()


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


def _servers(patient: Patient) -> Iterable[tuple[str, int]]:
    front = patient.front
    if front is None:
        return
    lists = [server.urls for server in front.ice_servers] + ([front.turn.urls] if front.turn else [])
    for urls in lists:
        for url in [urls] if isinstance(urls, str) else urls:
            match = _URL.fullmatch(url.replace("?transport=udp", ""))
            if match and not match["tcp"] and int(match["port"] or 3478) in range(1, 65_536):
                yield match["host"], int(match["port"] or 3478)


def _is_ip(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        return False
    return True
