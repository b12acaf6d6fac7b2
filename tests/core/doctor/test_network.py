from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.doctor.conftest import MakePatient
from tests.core.doctor.support import look, look_soon, only

from voicebot.doctor import stun as stun_check
from voicebot.doctor.stun_messages import BadStun, binding_request, mapped_address
from voicebot.testing.fakes.http import FakeServer, Request, Response


@contextmanager
def _taken(kind: socket.SocketKind, host: str = "127.0.0.1") -> Iterator[int]:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((host, 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        yield other.getsockname()[1]


def _free_port() -> int:
    with _taken(socket.SOCK_STREAM) as port:
        return port


# --- ports ------------------------------------------------------------------------------------------------------------


def test_free_ports(make_patient: MakePatient) -> None:
    rtc = {"port": _free_port(), "media_workers": 1}
    finding = only(look("ports", make_patient(transport={"use": "mediasoup", "port": 0, "rtc": rtc})))
    assert finding.level == "ok"
    assert f"audio {rtc['port']} UDP and TCP" in finding.what


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_another_program_has_the_audio_port(make_patient: MakePatient, kind: socket.SocketKind) -> None:
    with _taken(kind) as port:
        rtc = {"port": port, "media_workers": 1}
        finding = only(look("ports", make_patient(transport={"use": "mediasoup", "port": 0, "rtc": rtc})))
    assert finding.level == "fail"
    assert f"127.0.0.1:{port} cannot be had" in finding.what
    assert "transport.rtc.port" in finding.do


def test_another_program_has_the_pages_port(make_patient: MakePatient) -> None:
    with _taken(socket.SOCK_STREAM) as port:
        finding = only(look("ports", make_patient(transport={"use": "webrtc", "port": port})))
    assert finding.level == "fail"
    assert "transport.port" in finding.do


def test_voicebot_itself_has_the_pages_port(make_patient: MakePatient) -> None:
    async def ok(request: Request) -> Response:
        return Response(200, {}, b"ok" if request.path == "/healthz" else b"")

    async def main() -> None:
        async with FakeServer(ok) as server:
            port = int(server.url.rpartition(":")[2])
            finding = only(await look_soon("ports", make_patient(transport={"use": "webrtc", "port": port})))
            assert finding.level == "ok"
            assert "voicebot is running there" in finding.what

    asyncio.run(main())


def test_an_address_of_another_machine(make_patient: MakePatient) -> None:
    rtc = {"listen_ip": "192.0.2.1", "announced_address": "192.0.2.1", "media_workers": 1}
    findings = look("ports", make_patient(transport={"use": "mediasoup", "port": 0, "rtc": rtc}))
    assert {finding.level for finding in findings} == {"fail"}
    assert "listen at 0.0.0.0" in findings[0].do


def test_too_narrow_a_range(make_patient: MakePatient) -> None:
    rtc = {"port_range": [41_000, 41_002]}
    patient = make_patient(transport={"use": "mediasoup", "port": 0, "rtc": rtc}, calls=2)
    # One of them may be somebody's just now, which is a finding of its own.
    finding = look("ports", patient)[-1]
    assert finding.level == "fail"
    assert "3 ports, and 2 calls take two each" in finding.what


# --- the announced address --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rtc", "url", "level", "mend"),
    [
        ({}, "", "ok", ""),
        ({}, "https://voice.example.org", "fail", "listen_ip to 0.0.0.0"),
        ({"listen_ip": "0.0.0.0"}, "", "fail", "announced_address"),
        ({"listen_ip": "0.0.0.0", "announced_address": "127.0.0.1"}, "", "fail", "announced_address"),
        ({"announced_address": "8.8.8.8"}, "", "fail", "listen_ip to 0.0.0.0"),
        ({"listen_ip": "0.0.0.0", "announced_address": "10.1.2.3"}, "", "warn", "public address"),
        ({"listen_ip": "0.0.0.0", "announced_address": "no-such-name.invalid"}, "", "fail", "DNS"),
        ({"listen_ip": "0.0.0.0", "announced_address": "8.8.8.8"}, "", "ok", ""),
    ],
)
def test_what_pages_are_told(
    make_patient: MakePatient, rtc: dict[str, str], url: str, level: str, mend: str
) -> None:
    finding = only(look("address", make_patient(url, transport={"use": "mediasoup", "rtc": rtc})))
    assert finding.level == level
    assert mend in finding.do


# --- STUN -------------------------------------------------------------------------------------------------------------


class _StunServer(asyncio.DatagramProtocol):
    """Answers with a set of bytes, to which it adds the transaction."""

    def __init__(self, says: str = "203.0.113.7", deaf_to: int = 0) -> None:
        self.says, self.deaf_to = says, deaf_to

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.deaf_to:
            self.deaf_to -= 1
        else:
            self.transport.sendto(_answer(data[8:20], self.says, 4711), addr)


def _answer(transaction: bytes, address: str, port: int) -> bytes:
    mask = bytes.fromhex("2112a442")
    raw = bytes(a ^ b for a, b in zip(socket.inet_aton(address), mask, strict=True))
    value = b"\0\1" + (port ^ 0x2112).to_bytes(2, "big") + raw
    body = b"\x80\x22\0\3abc\0" + b"\0\x20\0\x08" + value
    return b"\1\1" + len(body).to_bytes(2, "big") + mask + transaction + body


def _with_stun(
    make_patient: MakePatient, server: _StunServer, announced: str = "203.0.113.7"
) -> tuple[str, str]:
    async def main() -> tuple[str, str]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        rtc = {"listen_ip": "0.0.0.0", "announced_address": announced}
        servers = [{"urls": [f"stun:127.0.0.1:{port}", "turn:127.0.0.1:1?transport=tcp"]}]
        patient = make_patient(transport={"use": "mediasoup", "rtc": rtc, "ice_servers": servers})
        try:
            finding = only(await look_soon("stun", patient))
        finally:
            transport.close()
        return finding.level, finding.what

    return asyncio.run(main())


def test_stun_sees_what_pages_are_told(make_patient: MakePatient) -> None:
    assert _with_stun(make_patient, _StunServer())[0] == "ok"


def test_a_lost_question_is_asked_again(make_patient: MakePatient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stun_check.ask, "__defaults__", ((0.01, 0.01, 10.0),))
    assert _with_stun(make_patient, _StunServer(deaf_to=2))[0] == "ok"


def test_stun_sees_another_address(make_patient: MakePatient) -> None:
    level, what = _with_stun(make_patient, _StunServer("198.51.100.9"))
    assert level == "warn"
    assert "at 198.51.100.9, and pages are told 203.0.113.7" in what


def test_udp_that_does_not_come_back(make_patient: MakePatient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stun_check.ask, "__defaults__", ((0.01, 0.01),))
    level, what = _with_stun(make_patient, _StunServer(deaf_to=99))
    assert level == "warn"
    assert "does not answer" in what


def test_a_turn_server_is_asked_too(make_patient: MakePatient) -> None:
    with _taken(socket.SOCK_DGRAM) as port:
        pass
    turn = {"urls": [f"turn:127.0.0.1:{port}?transport=udp"], "secret": "x"}
    finding = only(look("stun", make_patient(transport={"use": "webrtc", "turn": turn})))
    assert finding.level == "warn"
    assert f"127.0.0.1:{port} does not answer" in finding.what


TRANSACTION = bytes(range(12))


def test_both_families_are_read() -> None:
    assert mapped_address(_answer(TRANSACTION, "192.0.2.33", 65_535), TRANSACTION) == ("192.0.2.33", 65_535)
    raw = bytes(
        a ^ b
        for a, b in zip(
            socket.inet_pton(socket.AF_INET6, "2001:db8::1"), b"\x21\x12\xa4\x42" + TRANSACTION, strict=True
        )
    )
    value = b"\0\2" + (80 ^ 0x2112).to_bytes(2, "big") + raw
    data = b"\1\1\0\x18\x21\x12\xa4\x42" + TRANSACTION + b"\0\x20\0\x14" + value
    assert mapped_address(data, TRANSACTION) == ("2001:db8::1", 80)
    plain = (
        b"\1\1\0\x0c\x21\x12\xa4\x42" + TRANSACTION + b"\0\1\0\x08\0\1\0\x50" + socket.inet_aton("192.0.2.1")
    )
    assert mapped_address(plain, TRANSACTION) == ("192.0.2.1", 80)


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: _header(tail) + tail))
def test_any_bytes_are_an_answer_or_bad_stun(data: bytes) -> None:
    try:
        address, port = mapped_address(data, TRANSACTION)
    except BadStun:
        return
    assert isinstance(address, str)
    assert 0 <= port <= 65_535


@given(st.binary(min_size=1, max_size=8), st.integers(0, 200))
def test_a_damaged_answer_never_says_another_transaction(noise: bytes, at: int) -> None:
    whole = _answer(TRANSACTION, "192.0.2.33", 1)
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    try:
        mapped_address(damaged, TRANSACTION)
    except BadStun:
        return
    assert damaged[8:20] == TRANSACTION


def _header(tail: bytes) -> bytes:
    return b"\1\1" + len(tail).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + TRANSACTION


def test_the_question_is_rfc_8489s() -> None:
    assert binding_request(TRANSACTION) == bytes.fromhex("00010000 2112a442") + TRANSACTION
