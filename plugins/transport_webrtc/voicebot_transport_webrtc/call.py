"""One call in the call worker: the front's link on one side, a peer connection on the other."""

from __future__ import annotations

import asyncio
import random

from aiortc import RTCIceServer

from voicebot.clock import now
from voicebot.errors import VoicebotError
from voicebot.interfaces import HeardReport
from voicebot.link.call import LinkedCall, Request
from voicebot.link.reporter import CallReporter
from voicebot.queues import BoundedQueue
from voicebot.rtp.connection import RtpConnection
from voicebot.rtp.opus import OpusDecoder, OpusEncoder
from voicebot.rtp.packet import RtpPacket
from voicebot.rtp.receiving import RtpReceiver
from voicebot.rtp.sending import RtpSender
from voicebot.tasks import task_group
from voicebot_transport_webrtc.config import WebRtcConfig
from voicebot_transport_webrtc.peer import PathState, Peer
from voicebot_transport_webrtc.sdp import BadOffer

__all__ = ["HeldCall", "ice_servers"]

PATH_WITHIN_S = 20.0
"""How long a call goes on without a path for audio, once it had one."""
OUTGOING_PACKETS = 25
_PAYLOAD_TYPE = 111
"""What browsers use for Opus; the one agreed on takes its place when a packet is sent."""


class HeldCall:
    """A call from the front's `call` to its end.

    Its connection outlives peer connections: after a change of networks the page makes a new offer.
    """

    def __init__(self, call: LinkedCall, config: WebRtcConfig) -> None:
        self._call = call
        self._config = config
        self._ice_servers = ice_servers(call.media["ice_servers"])
        source = random.SystemRandom()
        self._ssrc = source.randrange(1, 1 << 32)
        self._reporter = CallReporter(call)
        self.connection = RtpConnection(
            RtpReceiver(OpusDecoder(), config.jitter),
            # A first number in the lower half: a receiver that misses it cannot take it for one of the round before.
            RtpSender(
                OpusEncoder(config.opus), _PAYLOAD_TYPE, self._ssrc, sequence_number=source.randrange(1 << 15)
            ),
            call_id=call.call_id,
            max_call_s=call.max_call_s,
            transmit=self._transmit,
            notify=self._reporter.notify,
            close=self._close,
        )
        self._outgoing = BoundedQueue[RtpPacket]("rtp out", OUTGOING_PACKETS, when_full="drop_oldest")
        self._peer: Peer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._up: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name=f"call {call.call_id}")

    async def connected(self) -> bool:
        """Wait for the path for audio: False where the call ends before there is one."""
        return await asyncio.shield(self._up)

    async def aclose(self) -> None:
        """End the call where it has not ended, and let go of everything.

        Raises:
            Exception: what ended it, where that was a fault of ours.
        """
        await self.connection.aclose()
        await self._task

    # --- the call's task ------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            async with task_group(cancel_on_exit=True) as group:
                group.create_task(self._write())
                async for item in self._call:
                    if self._call.ended_reason is not None:
                        continue  # nobody waits for it, and each offer would hold up the next call
                    if isinstance(item, Request):
                        await self._requested(item)
                    elif isinstance(item, HeardReport):
                        self.connection.report(item)
        except Exception as error:
            message = (
                error.message if isinstance(error, VoicebotError) else f"{type(error).__name__}: {error}"
            )
            self._call.end("failed", message)
            raise
        finally:
            self.connection.hang_up()
            self._disarm()
            self._settle(False)
            await self._replace(None)

    async def _write(self) -> None:
        async for packet in self._outgoing:
            if self._peer is not None:
                await self._peer.send(packet)

    async def _requested(self, request: Request) -> None:
        sdp = request.data.get("sdp")
        if request.method != "offer" or not isinstance(sdp, str):
            request.refuse("bad_message", "there is only `offer`, with an `sdp`")
            return
        peer = Peer(
            ice_servers=self._ice_servers,
            ice_addresses=self._config.ice_addresses,
            opus=self._config.opus,
            ssrc=self._ssrc,
            on_packet=self.connection.feed,
            on_path=self._path_changed,
        )
        try:
            answer = await peer.answer(sdp)
        except BadOffer as error:
            await peer.aclose()
            request.refuse("bad_sdp", str(error)[:300])
            return
        except BaseException:
            await peer.aclose()
            raise
        await self._replace(peer)
        self._arm()
        request.respond({"sdp": answer})

    async def _replace(self, peer: Peer | None) -> None:
        old, self._peer = self._peer, peer
        if old is not None:
            await old.aclose()

    # --- the path -------------------------------------------------------------------------------------------------

    def _path_changed(self, peer: Peer, state: PathState) -> None:
        if peer is not self._peer:
            return
        if state == "connected":
            self._disarm()
            self._call.media_connected()
            self._settle(True)
        else:
            self._arm()

    def _arm(self) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_at(now() + PATH_WITHIN_S, self._give_up)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._call.end("failed", f"there was no path for audio for {PATH_WITHIN_S:.0f} s")

    def _settle(self, is_up: bool) -> None:
        if not self._up.done():
            self._up.set_result(is_up)

    # --- from the connection --------------------------------------------------------------------------------------

    def _transmit(self, packet: RtpPacket) -> None:
        self._outgoing.put_nowait(packet)

    async def _close(self) -> None:
        self._reporter.end()
        await asyncio.wait([self._task])


def ice_servers(servers: list[dict[str, object]]) -> list[RTCIceServer]:
    """aiortc's form of what `voicebot.link.messages.IceServer` holds."""
    return [RTCIceServer(**server) for server in servers]  # type: ignore[arg-type]
