"""One peer connection: an offer answered, RTP both ways, and an end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from voicebot.rtp.packet import RtpPacket
from voicebot.rtp.settings import OpusSettings
from voicebot_transport_webrtc.addresses import use_addresses
from voicebot_transport_webrtc.raw_rtp import RawSender, SilentTrack, receive_raw
from voicebot_transport_webrtc.sdp import BadOffer, checked_offer, finished_answer

__all__ = ["PathState", "Peer"]

PathState: TypeAlias = Literal["connected", "lost"]

_log = logging.getLogger(__name__)


class Peer:
    """A browser's other end.

    Args:
        ssrc: of what is sent.
        on_packet: called with what comes.
        on_path: called when the path is up, and when it is gone for good.

    Raises:
        EngineError: this aiortc is not one that the transport fits.
        ValueError: an ICE server's address is none.
    """

    def __init__(
        self,
        *,
        ice_servers: Sequence[RTCIceServer],
        ice_addresses: Sequence[str],
        opus: OpusSettings,
        ssrc: int,
        on_packet: Callable[[RtpPacket], None],
        on_path: Callable[[Peer, PathState], None],
    ) -> None:
        self._opus = opus
        self._on_path = on_path
        self._payload_type: int | None = None
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=list(ice_servers)))
        transceiver = self._connection.addTransceiver(SilentTrack(), direction="sendrecv")
        codecs = RTCRtpSender.getCapabilities("audio").codecs
        transceiver.setCodecPreferences([c for c in codecs if c.mimeType.lower() == "audio/opus"])
        use_addresses(transceiver, ice_addresses)
        receive_raw(transceiver.receiver, on_packet)
        self._sender = RawSender(transceiver.sender, transceiver.receiver, ssrc)
        self._connection.on("connectionstatechange", self._state_changed)

    async def answer(self, offer: str) -> str:
        """Answer an offer, once; the answer has all candidates in it.

        Raises:
            BadOffer: it cannot be answered.
        """
        checked = checked_offer(offer)
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(checked, "offer"))
            answer = await self._connection.createAnswer()
        except Exception as error:  # whatever outside text may bring about in its parser
            _log.info("an offer was refused", exc_info=True)
            raise BadOffer(f"the offer cannot be read: {type(error).__name__}: {error}") from error
        await self._connection.setLocalDescription(answer)
        text, self._payload_type = finished_answer(self._connection.localDescription.sdp, self._opus)
        return text

    async def send(self, packet: RtpPacket) -> None:
        """Send a packet; dropped where there is no path."""
        if self._payload_type is not None:
            await self._sender.send(packet, self._payload_type)

    def _state_changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._on_path(self, "connected")
        elif state in ("failed", "closed"):
            self._on_path(self, "lost")

    async def aclose(self) -> None:
        """Tell the page, and let go of the sockets; twice is fine."""
        await self._connection.close()
