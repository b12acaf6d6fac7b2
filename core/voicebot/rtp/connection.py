"""A call's connection over RTP: the timer and the queue around a receiver and a sender."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable

from voicebot.audio import PTIME_MS, AudioChunk
from voicebot.errors import EngineError
from voicebot.events import Event
from voicebot.interfaces import HeardReport
from voicebot.queues import BoundedQueue, QueueClosed, QueueStatistics
from voicebot.rtp.packet import CLOCK_RATE, RtpError, RtpPacket
from voicebot.rtp.receiving import RtpReceiver
from voicebot.rtp.sending import RtpSender

__all__ = ["RtpConnection"]

RECEIVED_S = 1.0
"""How much of the user's audio waits to be taken before the oldest is dropped."""

logger = logging.getLogger("voicebot.rtp")


class RtpConnection:
    """A `voicebot.interfaces.Connection` for a transport that brings RTP packets and takes them.

    The transport calls `feed` with what comes from the user, and `hang_up` when no more will. Everything happens on the
    running event loop, in calls and in one timer that follows the sender's and the receiver's due times; there is no
    task to own. The agent's packets begin with the first `receive`, `feed` or `send`.

    Args:
        max_call_s: the longest that the call may be (s), where whoever let it in said so.
        transmit: called with each packet when it is due; must not block.
        notify: called with the session's events; must not block.
        close: awaited once, by the first `aclose`.
    """

    sample_rate = CLOCK_RATE

    def __init__(
        self,
        receiver: RtpReceiver,
        sender: RtpSender,
        *,
        call_id: str = "",
        max_call_s: float | None = None,
        transmit: Callable[[RtpPacket], None],
        notify: Callable[[Event], None],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self.call_id = call_id
        self.max_call_s = max_call_s
        self.receiver = receiver
        self.sender = sender
        self.broken_packets = 0
        """What came and was no RTP."""
        self._transmit = transmit
        self._notify = notify
        self._close = close
        self._loop = asyncio.get_running_loop()
        self._received = BoundedQueue[AudioChunk | HeardReport](
            "received",
            RECEIVED_S,
            unit="s",
            # A report counts for something too: nothing from outside may pile up without bound.
            size=lambda item: item.duration_s if isinstance(item, AudioChunk) else PTIME_MS / 1000,
            when_full="drop_oldest",
            on_overflow=lambda statistics: logger.warning(
                "nobody takes the user's audio: dropping the oldest"
            ),
        )
        self._timer: asyncio.Handle | None = None
        self._due_s = float("inf")
        """What the timer waits for."""
        self._fault: Exception | None = None
        self._closed = False

    @property
    def received(self) -> QueueStatistics:
        """Of the audio on its way to `receive`, in seconds."""
        return self._received.statistics

    # --- for the transport ----------------------------------------------------------------------------------------

    def feed(self, packet: bytes | RtpPacket) -> None:
        """A packet has come. One that is no RTP is counted and dropped."""
        if self._closed:
            return
        try:
            parsed = RtpPacket.parse(packet) if isinstance(packet, bytes) else packet
        except RtpError:
            self.broken_packets += 1
            return
        try:
            self._queue(*self.receiver.receive(parsed, self._loop.time()))
        except Exception as fault:
            self._fail(fault)
        self._arm()

    def report(self, heard: HeardReport) -> None:
        """The far side has measured something."""
        self._queue(heard)

    def hang_up(self) -> None:
        """The user has gone: `receive` ends when it has given what there is. Twice is fine."""
        self._received.close()

    # --- voicebot.interfaces.Connection ---------------------------------------------------------------------------

    async def receive(self) -> AsyncIterator[AudioChunk | HeardReport]:
        """The user's audio at 16 kHz; ends when the user has gone or the connection was closed.

        Raises:
            EngineError: the connection failed.
        """
        self._arm()
        async for item in self._received:
            yield item
        if self._fault is not None:
            raise EngineError(f"the connection failed: {self._fault}") from self._fault

    async def send(self, packet: AudioChunk) -> None:
        if not self._closed:
            self.sender.push(packet)
            if self.sender.next_due_s() == -math.inf:
                # It begins an answer: it need not wait until this loop has done what else there is.
                self._transmit_due(self._loop.time())
            self._arm()

    def cancel(self) -> None:
        self.sender.cancel()
        self._arm()

    def heard_samples(self) -> int | None:
        return self.sender.heard_samples()

    def notify(self, event: Event) -> None:
        self._notify(event)

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._disarm()
        self.hang_up()
        await self._close()

    # --- time -----------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Have the timer wait for what is due next."""
        if self._closed or self._fault is not None:
            return
        due = [s for s in (self.sender.next_due_s(), self.receiver.next_poll_s()) if s is not None]
        due_s = min(due, default=float("inf"))
        if due_s == self._due_s:
            return
        self._disarm()
        if due_s != float("inf"):
            self._due_s = due_s
            self._timer = self._loop.call_at(due_s, self._wake)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due_s = None, float("inf")

    def _wake(self) -> None:
        # One turn of the loop later: packets that have come by now are fed first, so that a loop that was held up does
        # not take them for missing.
        self._timer = self._loop.call_soon(self._tick)

    def _tick(self) -> None:
        # The loop's timers fire up to its resolution early.
        now_s = max(self._loop.time(), self._due_s)
        self._disarm()
        self._transmit_due(now_s)
        try:
            self._queue(*self.receiver.poll(now_s))
        except Exception as fault:
            self._fail(fault)
        self._arm()

    def _transmit_due(self, now_s: float) -> None:
        if self._fault is not None:
            return
        try:
            for packet in self.sender.due(now_s):
                self._transmit(packet)
        except Exception as fault:
            self._fail(fault)

    def _queue(self, *items: AudioChunk | HeardReport) -> None:
        try:
            for item in items:
                self._received.put_nowait(item)
        except QueueClosed:
            pass

    def _fail(self, fault: Exception) -> None:
        """There is no more audio: whoever receives is told."""
        self._fault = self._fault or fault
        self._disarm()
        self._received.close()
