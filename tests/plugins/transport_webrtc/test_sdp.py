"""Session descriptions from outside: answered or refused, whatever they hold."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plugins.transport_webrtc.peers import HERE, ToneTrack
from tests.plugins.transport_webrtc.support import run

from voicebot.rtp.packet import RtpPacket
from voicebot.rtp.settings import OpusSettings
from voicebot_transport_webrtc.addresses import use_addresses
from voicebot_transport_webrtc.peer import PathState, Peer
from voicebot_transport_webrtc.sdp import MAX_CANDIDATES, BadOffer, checked_offer, finished_answer

FINGERPRINT = ":".join(["AB"] * 32)
CHROME = "\r\n".join(
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS stream",
        "m=audio 54400 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
        "c=IN IP4 127.0.0.1",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1467250027 1 udp 2122260223 127.0.0.1 54400 typ host generation 0 network-id 1",
        "a=candidate:435653019 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active generation 0",
        "a=candidate:1 1 udp 2113937151 0a1b2c3d-1111-2222-3333-444455556666.local 50000 typ host",
        "a=ice-ufrag:8hhY",
        "a=ice-pwd:asd88fgpdd777uzjYhagZgaa",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass",
        "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=sendrecv",
        "a=msid:stream track",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:13 CN/8000",
        "a=rtpmap:110 telephone-event/48000",
        "a=rtpmap:126 telephone-event/8000",
        "a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6",
        "a=end-of-candidates",
        "",
    ]
)


async def answered(offer: str) -> str:
    """The answer of a peer that is closed again."""

    def ignore_packet(packet: RtpPacket) -> None:
        raise AssertionError

    def ignore_path(peer: Peer, state: PathState) -> None:
        pass

    peer = Peer(
        ice_servers=[],
        ice_addresses=HERE,
        opus=OpusSettings(),
        ssrc=1234,
        on_packet=ignore_packet,
        on_path=ignore_path,
    )
    try:
        return await peer.answer(offer)
    finally:
        await peer.aclose()
        await peer.aclose()


def test_a_browsers_offer_is_answered_with_opus_and_nothing_else() -> None:
    answer = run(answered(CHROME)).split("\r\n")
    assert any(line.startswith("m=audio ") and line.endswith(" UDP/TLS/RTP/SAVPF 111") for line in answer)
    assert "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1" in answer
    assert "a=setup:active" in answer
    assert "a=ssrc:1234 cname:" in "\n".join(answer)


def test_an_offer_loses_what_cannot_be_used() -> None:
    checked = checked_offer(CHROME)
    assert "127.0.0.1 54400 typ host" in checked
    assert ".local" not in checked
    assert "tcptype" not in checked
    assert "end-of-candidates" not in checked
    candidate = "a=candidate:1 1 udp 1 127.0.0.1 {} typ host\r\n"
    many = "".join(candidate.format(1000 + i) for i in range(1000))
    assert checked_offer(CHROME + many).count("a=candidate:") == MAX_CANDIDATES


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("m=audio", "m=video", "one audio section"),
        ("a=mid:0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "one audio section"),
        ("a=ice-ufrag:8hhY\r\n", "", "ICE user fragment"),
        ("a=ice-pwd:asd88fgpdd777uzjYhagZgaa", "a=ice-pwd:short", "ICE password"),
        ("a=fingerprint:sha-256", "a=fingerprint:md5", "SHA fingerprint"),
        ("a=setup:actpass", "a=setup:holdconn", "DTLS role"),
        ("a=rtcp-mux", "a=x", "multiplexed RTCP"),
        ("opus/48000/2", "opus/16000/1", "Opus"),
        ("a=sendrecv", "a=sendonly", "both ways"),
        ("111 63", "300 63", "cannot be read"),
        ("2122260223 127.0.0.1", "x 127.0.0.1", "cannot be read"),
    ],
)
def test_offers_that_are_refused(old: str, new: str, what: str) -> None:
    assert old in CHROME
    with pytest.raises(BadOffer, match=what):
        run(answered(CHROME.replace(old, new)))


_LINES = CHROME.split("\r\n")
_edits = st.one_of(
    st.tuples(st.just("drop"), st.integers(0, len(_LINES) - 1), st.just("")),
    st.tuples(st.just("again"), st.integers(0, len(_LINES) - 1), st.just("")),
    st.tuples(st.just("cut"), st.integers(0, len(_LINES) - 1), st.just("")),
    st.tuples(st.just("put"), st.integers(0, len(_LINES) - 1), st.text(max_size=12)),
    st.tuples(
        st.just("put"),
        st.integers(0, len(_LINES) - 1),
        st.sampled_from(["-1", " ", "99999999999", ":", "/", "a=mid:", "a=group:BUNDLE", "a=ssrc:1", "é"]),
    ),
)


def edited(edits: list[tuple[str, int, str]]) -> str:
    lines = list(_LINES)
    for what, at, text in edits:
        line = lines[at]
        if what == "put":
            middle = len(line) // 2
            lines[at] = line[:middle] + text + line[middle:] if len(text) < 4 else text
        else:
            lines[at] = {"drop": "", "again": f"{line}\r\n{line}", "cut": line[: len(line) // 2]}[what]
    return "\r\n".join(line for line in lines if line)


def check(offer: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    try:
        answer = run(answered(offer))
    except BadOffer:
        pass
    else:
        assert "opus/48000" in answer
    # Nor did anything go wrong behind our back, in a task of aiortc's.
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_any_text_is_refused(offer: str) -> None:
    with pytest.raises(BadOffer):
        checked_offer(offer)


@pytest.mark.filterwarnings("error")
def test_any_change_of_an_offer_is_answered_or_refused(caplog: pytest.LogCaptureFixture) -> None:
    @settings(max_examples=120)
    @given(st.lists(_edits, min_size=1, max_size=3))
    def try_it(edits: list[tuple[str, int, str]]) -> None:
        check(edited(edits), caplog)

    try_it()


def test_any_answer_of_aiortcs_is_finished_or_refused() -> None:
    opus = OpusSettings()
    text = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\na=x\r\n"
    finished, payload_type = finished_answer(text, opus)
    assert payload_type == 96
    assert finished == (
        "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\n"
        "a=fmtp:96 minptime=10;useinbandfec=1;usedtx=1\r\na=ptime:20\r\na=x\r\n"
    )
    with pytest.raises(BadOffer):
        finished_answer(text.replace("opus", "PCMU"), opus)


def test_a_machine_with_loopback_only_still_has_a_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: [])

    async def main() -> str:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        transceiver = connection.addTransceiver(ToneTrack(440), direction="sendrecv")
        use_addresses(transceiver)
        await connection.setLocalDescription(await connection.createOffer())
        sdp = connection.localDescription.sdp
        await connection.close()
        await asyncio.sleep(0)
        return sdp

    candidates = [line for line in run(main()).split("\r\n") if line.startswith("a=candidate:")]
    assert len(candidates) == 1
    assert " 127.0.0.1 " in candidates[0]
