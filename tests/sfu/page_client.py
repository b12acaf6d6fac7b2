"""A page without a browser: signalling over the WebSocket, ICE, DTLS and SRTP by aiortc, as ORTC objects."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, Self
from unittest.mock import patch

import aiohttp
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)

OPUS = {
    "mimeType": "audio/opus",
    "payloadType": 111,
    "clockRate": 48_000,
    "channels": 2,
    "parameters": {"useinbandfec": 1, "usedtx": 1},
    "rtcpFeedback": [],
}
MIC_SSRC = 4711


class MediaTransport:
    """One mediasoup WebRtcTransport's other end."""

    def __init__(self) -> None:
        gatherer = RTCIceGatherer()
        # aiortc's own peer connection sets it like this; mediasoup is always the controlled side.
        gatherer._connection.ice_controlling = True
        self._gatherer = gatherer
        self._ice = RTCIceTransport(gatherer)
        self.dtls = RTCDtlsTransport(self._ice, [RTCCertificate.generateCertificate()])
        self.dtls._set_role("client")
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.dtls._handle_rtp_data = self._take  # type: ignore[method-assign]

    async def _take(self, data: bytes, arrival_time_ms: int) -> None:
        self.received.put_nowait(data)

    def dtls_parameters(self) -> dict[str, Any]:
        fingerprints = self.dtls.getLocalParameters().fingerprints
        return {
            "role": "client",
            "fingerprints": [{"algorithm": f.algorithm, "value": f.value} for f in fingerprints],
        }

    async def start(self, created: dict[str, Any]) -> None:
        # Host addresses leave out the loopback interface, on which the SFU listens.
        with patch("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"]):
            await self._gatherer.gather()
        for candidate in created["iceCandidates"]:
            if candidate["protocol"] == "udp":
                await self._ice.addRemoteCandidate(
                    RTCIceCandidate(
                        component=1,
                        foundation=candidate["foundation"],
                        ip=candidate.get("address") or candidate["ip"],
                        port=candidate["port"],
                        priority=candidate["priority"],
                        protocol="udp",
                        type="host",
                    )
                )
        await self._ice.addRemoteCandidate(None)
        ice = created["iceParameters"]
        await self._ice.start(RTCIceParameters(ice["usernameFragment"], ice["password"], iceLite=True))
        fingerprints = [RTCDtlsFingerprint(**f) for f in created["dtlsParameters"]["fingerprints"]]
        await self.dtls.start(RTCDtlsParameters(fingerprints=fingerprints, role="server"))

    async def stop(self) -> None:
        await self.dtls.stop()
        await self._ice.stop()


class PageClient:
    """`async with` it: joined, with its media up both ways."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}signal"
        self.sending, self.receiving = MediaTransport(), MediaTransport()
        self._ids = itertools.count()
        self.said: list[dict[str, Any]] = []
        """What came and was not asked for."""
        self.call_id = ""

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession()
        self._socket = await self._client.ws_connect(self._url)
        await self._socket.send_json({"type": "join", "version": 1})
        joined = await self.message("joined")
        self.call_id = joined["call_id"]
        sender = await self._open(self.sending, "send")
        await self._open(self.receiving, "receive")
        capabilities = joined["router_rtp_capabilities"]
        await self.request("consume", {"rtp_capabilities": capabilities})
        await self.request(
            "produce",
            {
                "transport_id": sender,
                "rtp_parameters": {
                    "codecs": [OPUS],
                    "encodings": [{"ssrc": MIC_SSRC, "dtx": True}],
                    "rtcp": {"cname": "test"},
                },
            },
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.sending.stop()
        await self.receiving.stop()
        await self._socket.close()
        await self._client.close()

    async def _open(self, transport: MediaTransport, direction: str) -> str:
        created = await self.request("create_transport", {"direction": direction})
        connect = {"transport_id": created["id"], "dtls_parameters": transport.dtls_parameters()}
        await self.request("connect_transport", connect)
        await transport.start(created)
        return str(created["id"])

    async def request(self, method: str, data: dict[str, Any]) -> dict[str, Any]:
        number = next(self._ids)
        await self.say({"type": "request", "id": number, "method": method, "data": data})
        answer = await self.message("response")
        assert answer["id"] == number
        assert answer["ok"], answer
        response: dict[str, Any] = answer["data"]
        return response

    async def say(self, message: dict[str, Any]) -> None:
        await self._socket.send_json(message)

    async def message(self, kind: str) -> dict[str, Any]:
        """The next one of this type."""
        for earlier in self.said:
            if earlier["type"] == kind:
                self.said.remove(earlier)
                return earlier
        while True:
            message: dict[str, Any] = await self._socket.receive_json()
            if message["type"] == kind:
                return message
            self.said.append(message)

    async def speak(self, packet: bytes) -> None:
        """Send an RTP packet of the microphone."""
        await self.sending.dtls._send_rtp(packet)

    async def hear(self) -> bytes:
        """The next RTP packet of the agent's voice."""
        return await self.receiving.received.get()
