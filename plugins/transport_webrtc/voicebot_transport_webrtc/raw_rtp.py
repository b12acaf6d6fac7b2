"""RTP packets past aiortc's own codecs, jitter buffer and timestamps.

aiortc decodes behind a jitter buffer of four packets, without FEC, concealment or a clock for DTX, and encodes with
neither DTX nor markers. Its DTLS, SRTP, ICE and RTCP stay in use. What is touched of its inside, by name:

- `RTCRtpReceiver.__jitter_buffer`: where packets arrive after the reports' statistics have been kept; the replacement
  never has a codec frame for the decoder.
- `RTCRtpSender._send_rtcp`: its sender reports, which get our counts.
- `RTCDtlsTransport._send_rtp`, `RTCRtpSender._ssrc`, `RTCRtpReceiver._set_rtcp_ssrc`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any, NoReturn

from aiortc import MediaStreamTrack, RTCRtpReceiver, RTCRtpSender, clock
from aiortc import rtp as wire

from voicebot.clock import now
from voicebot.errors import EngineError
from voicebot.rtp.packet import CLOCK_RATE, RtpPacket

__all__ = ["RawSender", "SilentTrack", "receive_raw"]

_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"


def receive_raw(receiver: RTCRtpReceiver, on_packet: Callable[[RtpPacket], None]) -> None:
    """Have the receiver hand over its packets as they come; reports to the sender go on.

    Raises:
        EngineError: this aiortc is built in another way.
    """
    if not callable(getattr(getattr(receiver, _JITTER_BUFFER, None), "add", None)):
        raise _misfit(_JITTER_BUFFER)
    setattr(receiver, _JITTER_BUFFER, _Tap(on_packet))


class _Tap:
    """In the jitter buffer's place."""

    def __init__(self, on_packet: Callable[[RtpPacket], None]) -> None:
        self._on_packet = on_packet

    def add(self, packet: wire.RtpPacket) -> tuple[bool, None]:
        self._on_packet(
            RtpPacket(
                payload_type=packet.payload_type,
                sequence_number=packet.sequence_number,
                timestamp=packet.timestamp,
                ssrc=packet.ssrc,
                payload=packet.payload,
                marker=bool(packet.marker),
            )
        )
        return False, None


class SilentTrack(MediaStreamTrack):
    """A track that never has anything to encode."""

    kind = "audio"

    async def recv(self) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError


class RawSender:
    """Sends packets that are made elsewhere; the sender's own track is to be a `SilentTrack`.

    To be made before the offer is answered: the answer names the SSRC.

    Raises:
        EngineError: this aiortc is built in another way.
    """

    def __init__(self, sender: RTCRtpSender, receiver: RTCRtpReceiver, ssrc: int) -> None:
        for owner, name in ((sender, "_ssrc"), (sender, "_send_rtcp"), (sender.transport, "_send_rtp")):
            if not hasattr(owner, name):
                raise _misfit(name)
        self.unsent = 0
        """Packets for which there was no path."""
        self._sender = sender
        self._packets = self._octets = 0
        self._last: tuple[int, float] | None = None
        """The timestamp of the last packet, and when it left."""
        sender._ssrc = ssrc
        receiver._set_rtcp_ssrc(ssrc)
        self._send_reports = sender._send_rtcp
        sender._send_rtcp = self._send_rtcp  # type: ignore[method-assign]

    async def send(self, packet: RtpPacket, payload_type: int) -> None:
        """Send it as that payload type; without a path it is dropped and counted."""
        data = replace(packet, payload_type=payload_type).serialize()
        try:
            await self._sender.transport._send_rtp(data)
        except ConnectionError:
            self.unsent += 1
            return
        self._packets += 1
        self._octets += len(packet.payload)
        self._last = packet.timestamp, now()

    async def _send_rtcp(self, packets: list[Any]) -> None:
        for packet in packets:
            if isinstance(packet, wire.RtcpSrPacket):
                if self._last is None:
                    return  # nothing was sent that could be reported
                packet.sender_info = self._sender_info(*self._last)
        await self._send_reports(packets)

    def _sender_info(self, timestamp: int, sent_s: float) -> wire.RtcpSenderInfo:
        """The same instant on both clocks: RTP timestamps go on in real time while nothing is sent."""
        elapsed = round((now() - sent_s) * CLOCK_RATE)
        return wire.RtcpSenderInfo(
            ntp_timestamp=clock.current_ntp_time(),
            rtp_timestamp=(timestamp + elapsed) % (1 << 32),
            packet_count=self._packets % (1 << 32),
            octet_count=self._octets % (1 << 32),
        )


def _misfit(name: str) -> EngineError:
    return EngineError(
        f"aiortc {version('aiortc')} has no {name}, which this transport needs",
        hint="pip install 'voicebot-kit[webrtc]' installs a version that it was tested with.",
    )
