"""The browser's part, played by plain aiortc; and a whole transport in one process."""

from __future__ import annotations

import asyncio
import fractions
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDtlsTransport,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.rtp import AnyRtcpPacket, RtcpSenderInfo, RtcpSrPacket, RtpPacket, is_rtcp
from tests.plugins.transport_webrtc.support import LIMIT_S, PageClient, RunningFront, page, running_front

from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot_transport_webrtc import WebRtcConfig, WebRtcTransport
from voicebot_transport_webrtc.addresses import use_addresses

Pcm: TypeAlias = npt.NDArray[np.int16]
RATE = 48_000
SAMPLES = 960
HERE = ["127.0.0.1"]


class ToneTrack(MediaStreamTrack):
    """A microphone that hears a tone, in real time."""

    kind = "audio"

    def __init__(self, frequency: float) -> None:
        super().__init__()
        self._frequency = frequency
        self._count = 0
        self._start: float | None = None

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._start = loop.time() if self._start is None else self._start
        await asyncio.sleep(max(0.0, self._start + self._count * 0.02 - loop.time()))
        times = (np.arange(SAMPLES) + self._count * SAMPLES) / RATE
        samples = (8000 * np.sin(2 * math.pi * self._frequency * times)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self._count * SAMPLES
        frame.time_base = fractions.Fraction(1, RATE)
        self._count += 1
        return frame


class Browser:
    """A plain aiortc peer with a microphone and an ear.

    Args:
        lose: every packet of the microphone whose count this divides is lost; 0 for none.
    """

    def __init__(self, frequency: float = 440.0, *, lose: int = 0) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.heard: list[Pcm] = []
        self.packets: list[tuple[float, RtpPacket]] = []
        """What came, and when."""
        self.reports: list[RtcpSenderInfo] = []
        """What the other side's sender reports said."""
        self._transceiver = self.connection.addTransceiver(ToneTrack(frequency), direction="sendrecv")
        use_addresses(self._transceiver, HERE)
        self._listening: asyncio.Task[None] | None = None
        self._has_heard = asyncio.Event()
        self._track: MediaStreamTrack | None = None
        self.connection.on("track", self._on_track)
        self._overhear(self._transceiver.receiver)
        if lose:
            self._lose(self._transceiver.sender.transport, lose)

    def _overhear(self, receiver: RTCRtpReceiver) -> None:
        """Note what the receiver is given; it goes on as it does."""
        handle_rtp, handle_rtcp = receiver._handle_rtp_packet, receiver._handle_rtcp_packet

        async def on_rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
            self.packets.append((asyncio.get_running_loop().time(), packet))
            await handle_rtp(packet, arrival_time_ms)

        async def on_rtcp(packet: AnyRtcpPacket) -> None:
            if isinstance(packet, RtcpSrPacket):
                self.reports.append(packet.sender_info)
            await handle_rtcp(packet)

        receiver._handle_rtp_packet = on_rtp  # type: ignore[method-assign]
        receiver._handle_rtcp_packet = on_rtcp  # type: ignore[method-assign]

    def _lose(self, transport: RTCDtlsTransport, every: int) -> None:
        send = transport._send_rtp
        count = 0

        async def send_most(data: bytes) -> None:
            nonlocal count
            count += not is_rtcp(data)
            if is_rtcp(data) or count % every:
                await send(data)

        transport._send_rtp = send_most  # type: ignore[method-assign]

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._track = track
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self._track is not None
        try:
            while True:
                frame = await self._track.recv()
                assert isinstance(frame, av.AudioFrame)
                self.heard.append(frame.to_ndarray().astype(np.int16).reshape(-1, 2)[:, 0])
                self._has_heard.set()
        except Exception:  # MediaStreamError: the track has ended
            pass

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def hears(self, packets: int) -> None:
        """Until so many more packets have been decoded."""
        target = len(self.heard) + packets
        async with asyncio.timeout(LIMIT_S):
            while len(self.heard) < target:
                self._has_heard.clear()
                await self._has_heard.wait()

    async def stats(self, type: str) -> Any:
        """One of the peer's own statistics, once there is one."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for entry in (await self.connection.getStats()).values():
                    if entry.type == type:
                        return entry
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        await self.connection.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])


@asynccontextmanager
async def browser(frequency: float = 440.0, **options: Any) -> AsyncIterator[Browser]:
    peer = Browser(frequency, **options)
    try:
        yield peer
    finally:
        await peer.close()


async def call_up(caller: PageClient, peer: Browser, number: int = 1) -> None:
    """Offer, and take the answer."""
    await caller.send(
        {"type": "request", "id": number, "method": "offer", "data": {"sdp": await peer.offer()}}
    )
    answer = await caller.receive()
    assert answer["ok"], answer
    await peer.accept(answer["data"]["sdp"])


def frequency_of(samples: Pcm, rate: int) -> float:
    """The loudest frequency, Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate / len(samples)


def tone(frequency: float, packets: int) -> Pcm:
    times = np.arange(packets * SAMPLES) / RATE
    return (8000 * np.sin(2 * math.pi * frequency * times)).astype(np.int16)


@asynccontextmanager
async def whole_transport(
    tmp_path: Path, **settings: Any
) -> AsyncIterator[tuple[RunningFront, WebRtcTransport, PageClient]]:
    """A front, the transport of a call worker, and a page's signalling."""
    settings = {"ice_addresses": HERE} | settings
    async with running_front(tmp_path, **settings) as front:
        config = WebRtcConfig.model_validate({"port": 0, "socket": front.socket} | settings)
        transport = WebRtcTransport(config, ProviderContext(models=ModelStore(tmp_path)))
        await transport.warmup()
        async with page(front) as caller:
            yield front, transport, caller
        await transport.aclose()
