"""The ports that are needed, and the address that pages are told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable
from ipaddress import ip_address

import httpx

from voicebot.doctor.finding import Finding, Patient, is_loopback
from voicebot.link.settings import FrontSettings

__all__ = ["address", "ports"]

ANY = ("0.0.0.0", "::")
FROM_OUTSIDE = "whether a firewall lets UDP in is seen only from outside"


async def ports(patient: Patient) -> Iterable[Finding]:
    """Bind each port that would be used, UDP and TCP; what voicebot itself holds already is no fault."""
    front, rtc = patient.front, patient.rtc
    if front is None:
        return []
    running = await _is_running(front)
    wanted = [("transport.port", socket.SOCK_STREAM, front.host, front.port)]
    rtc_ports: list[int] = []
    if rtc is not None:
        rtc_ports = _rtc_ports(rtc, patient.resolved.profile.calls)
        wanted += [
            ("transport.rtc.port", kind, rtc.listen_ip, port)
            for port in rtc_ports
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)
        ]
    found = []
    for key, kind, host, port in wanted:
        error = _cannot_bind(kind, host, port)
        name = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        if error is None or (running and "in use" in error):
            continue
        do = f"Stop what has it (ss -lnp shows it), or set {key} to another."
        if "assign" in error:
            do = "That address is not this machine's (ip address shows them): behind NAT, listen at 0.0.0.0."
        found.append(Finding("ports", "fail", f"{name} {host}:{port} cannot be had: {error}", do))
    if rtc is not None and rtc.port_range is not None:
        low, high = rtc.port_range
        if high - low + 1 < 2 * patient.resolved.profile.calls:
            what = f"port_range has {high - low + 1} ports, and {patient.resolved.profile.calls} calls take two each"
            found.append(Finding("ports", "fail", what, "Widen transport.rtc.port_range."))
    if not found:
        state = "voicebot is running there" if running else "free"
        media = f", audio {_span(rtc_ports)} UDP and TCP" if rtc_ports else ""
        outside = f"; {FROM_OUTSIDE}" if patient.is_public else ""
        found.append(Finding("ports", "ok", f"{state}: page {front.port}{media}{outside}"))
    return found


async def address(patient: Patient) -> Iterable[Finding]:
    """Whether what pages are told as the audio's address can be reached from where people are."""
    rtc = patient.rtc
    if rtc is None:
        return []
    announced = rtc.announced_address
    told = announced or rtc.listen_ip
    if told in ANY:
        what = f"pages are told to send audio to {told}: no browser can"
        do = "Set transport.rtc.announced_address to this machine's public address (prod.yaml: PUBLIC_ADDRESS=…)."
        return [Finding("address", "fail", what, do)]
    if is_loopback(told):
        if not patient.is_public:
            return [Finding("address", "ok", f"audio at {told}: for browsers on this machine only")]
        what = f"pages are told to send audio to {told}: only a browser on this machine reaches that"
        do = "Set transport.rtc.announced_address to this machine's public address (prod.yaml: PUBLIC_ADDRESS=…)."
        if is_loopback(rtc.listen_ip):
            do = "Set transport.rtc.listen_ip to 0.0.0.0, and announced_address to the public address."
        return [Finding("address", "fail", what, do)]
    if is_loopback(rtc.listen_ip):
        what = f"pages are told {told}, but audio is taken at {rtc.listen_ip} only"
        return [Finding("address", "fail", what, "Set transport.rtc.listen_ip to 0.0.0.0.")]
    numbers = await _resolved(told)
    if not numbers:
        what = f"pages are told the name {told}, which has no address"
        return [
            Finding("address", "fail", what, "Correct transport.rtc.announced_address, or its DNS entry.")
        ]
    if not any(ip_address(number).is_global for number in numbers):
        what = f"pages are told {told}: reached from its own network only, not from the internet"
        return [Finding("address", "warn", what, "For callers from elsewhere, announce the public address.")]
    return [Finding("address", "ok", f"pages are told to send audio to {told}")]


def _rtc_ports(rtc: object, calls: int) -> list[int]:
    if (pair := getattr(rtc, "port_range", None)) is not None:
        return list(range(pair[0], min(pair[1] + 1, pair[0] + 2 * calls)))
    first: int = getattr(rtc, "port", 0)
    workers: int = getattr(rtc, "media_workers", None) or os.cpu_count() or 1
    return [port for port in range(first, first + workers) if 0 < port < 65_536] if first else []


def _cannot_bind(kind: socket.SocketKind, host: str, port: int) -> str | None:
    """Why a port cannot be had, or None where it can."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                # As servers do: a connection of before that still fades is no obstacle.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            if kind == socket.SOCK_STREAM:
                probe.listen(1)
    except OSError as error:
        return error.strerror or str(error)
    return None


async def _is_running(front: FrontSettings) -> bool:
    """Whether a voicebot answers at the page's port."""
    host = "127.0.0.1" if front.host in ANY else front.host
    with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL):
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            answer = await client.get(f"http://{f'[{host}]' if ':' in host else host}:{front.port}/healthz")
            return answer.status_code == 200 and answer.text.strip() == "ok"
    return False


async def _resolved(name: str) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        return [str(info[4][0]) for info in await loop.getaddrinfo(name, None)]
    except (OSError, UnicodeError):
        return []


def _span(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
