"""One call, as the call worker sees it over the link."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from voicebot.interfaces import HeardReport
from voicebot.link import messages
from voicebot.link.errors import LinkError
from voicebot.link.frames import RtpFrame
from voicebot.queues import BoundedQueue

__all__ = ["CallItem", "EndedReason", "LinkStatistics", "LinkedCall", "Request"]

EndedReason: TypeAlias = messages.EndReason | Literal["link_lost"]
"""What the front said, or what the worker itself did; `link_lost` where the connection closed without an `end`."""

INCOMING_PACKETS = 64
"""RTP packets that wait to be taken: more than a second of them is of no use to anyone."""
INCOMING_CONTROL_BYTES = 1024 * 1024
LONGEST_TEXT = 5_000
"""Characters of an `end`'s message: in JSON each may take 12 bytes, and a frame holds 64 KiB."""


@dataclass(slots=True)
class LinkStatistics:
    """Of one connection to the front, over all its calls."""

    rtp_received: int = 0
    rtp_sent: int = 0
    rtp_not_taken: int = 0
    """Packets from the front that were too many for whoever holds the call."""
    rtp_not_sent: int = 0
    """Packets that the front was too slow to take."""
    rtp_outside_call: int = 0
    """Packets from the front without a call: late ones of the call before."""
    events_refused: int = 0
    """Events that have no JSON form, or one that is too long."""


class Request:
    """The page asks for something; answered once, by `respond` or `refuse`."""

    def __init__(self, request: messages.Request, send: Callable[[messages.Message], None]) -> None:
        self.method = request.method
        self.data = request.data
        self._id = request.id
        self._send = send

    def respond(self, data: dict[str, Any]) -> None:
        """It is done; nothing happens where the call is over.

        Raises:
            LinkError: `bad_message`: the data have no JSON form, or one that is too long.
        """
        self._send(messages.Response(id=self._id, ok=True, data=data))

    def refuse(self, code: str, message: str) -> None:
        """It is not done; nothing happens where the call is over."""
        self._send(messages.Response(id=self._id, ok=False, code=code, message=message))


CallItem: TypeAlias = RtpFrame | HeardReport | Request | messages.MediaState


class LinkedCall:
    """A call of a `WorkerLink`; iterate over it, once, for what comes from the page.

    The iteration ends with the call: when either side ends it, or the connection is gone. What nobody takes is bounded:
    of RTP the oldest is dropped and counted, and too much of anything else ends the connection.
    """

    def __init__(
        self,
        call: messages.Call,
        *,
        send: Callable[[messages.Message], None],
        send_rtp: Callable[[bytes], None],
        statistics: LinkStatistics,
    ) -> None:
        self.call_id = call.call_id
        self.media: dict[str, Any] = call.media.model_dump(exclude_none=True)
        """What the front said of the media: `messages.MediasoupMedia` or `messages.WebrtcMedia`, as a dict."""
        self.max_call_s = call.max_call_s
        """The longest that it may be (s), where the front says so."""
        self.statistics = statistics
        self._send_message = send
        self._send_packet = send_rtp
        self._reason: EndedReason | None = None
        self._arrived = asyncio.Event()
        self._packets = BoundedQueue[RtpFrame]("link rtp", INCOMING_PACKETS, when_full="drop_oldest")
        self._control = BoundedQueue[tuple[HeardReport | Request | messages.MediaState, int]](
            "link control", INCOMING_CONTROL_BYTES, unit="bytes", size=lambda item: item[1]
        )

    @property
    def ended_reason(self) -> EndedReason | None:
        """Why the call is over, or None while it is not."""
        return self._reason

    async def __aiter__(self) -> AsyncIterator[CallItem]:
        while True:
            if len(self._control):
                yield (await self._control.get())[0]
            elif len(self._packets):
                yield await self._packets.get()
            elif self._reason is not None:
                return
            else:
                self._arrived.clear()
                await self._arrived.wait()

    # --- to the page ----------------------------------------------------------------------------------------------

    def send_rtp(self, packet: bytes) -> None:
        """Send a packet of the agent's voice; dropped and counted where the front is slow, or the call over."""
        if self._reason is None:
            self._send_packet(packet)

    def send_event(self, event: dict[str, Any]) -> None:
        """Pass on what `voicebot.events.as_message` made of an event; one that cannot be sent is counted."""
        try:
            self._send(messages.Notify(event=event))
        except LinkError:
            self.statistics.events_refused += 1

    def media_connected(self) -> None:
        """The media path is up (transport webrtc)."""
        self._send(messages.MediaState())

    def end(self, reason: messages.WorkerEndReason = "hung_up", message: str = "") -> None:
        """The call is over; twice is fine, the first reason counts."""
        if self._reason is None:
            self.close(reason)
            self._send_message(messages.WorkerEnd(reason=reason, message=message[:LONGEST_TEXT]))

    def _send(self, message: messages.Message) -> None:
        if self._reason is None:
            self._send_message(message)

    # --- from the link --------------------------------------------------------------------------------------------

    def push(self, item: RtpFrame | messages.Heard | messages.Request | messages.MediaState) -> None:
        """The link has received this.

        Raises:
            LinkError: `bad_message`: more than `INCOMING_CONTROL_BYTES` of control wait to be taken.
        """
        if self._reason is not None:
            return
        if isinstance(item, RtpFrame):
            dropped = self._packets.statistics.dropped
            self._packets.put_nowait(item)
            self.statistics.rtp_not_taken += self._packets.statistics.dropped - dropped
        else:
            self._push_control(item)
        self._arrived.set()

    def _push_control(self, item: messages.Heard | messages.Request | messages.MediaState) -> None:
        size = 128
        control: HeardReport | Request | messages.MediaState
        if isinstance(item, messages.Heard):
            control = HeardReport(item.turn_id, item.voice_to_voice_ms)
        elif isinstance(item, messages.MediaState):
            control = item
        else:
            size += len(json.dumps(item.data))
            control = Request(item, self._send)
        try:
            self._control.put_nowait((control, size))
        except asyncio.QueueFull:
            raise LinkError("bad_message", "More control messages than this call takes.") from None

    def close(self, reason: EndedReason) -> None:
        """The call is over: what waits can still be taken."""
        self._reason = self._reason or reason
        self._arrived.set()
