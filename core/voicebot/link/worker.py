"""The call worker's end of the link (sfu/PROTOCOL.md): it says `idle` and is given calls, one at a time."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from voicebot.link import messages
from voicebot.link.call import CallItem, EndedReason, LinkedCall, LinkStatistics, Request
from voicebot.link.errors import LinkError
from voicebot.link.frames import FrameDecoder, RtpFrame, encode_control, encode_rtp

__all__ = ["CallItem", "EndedReason", "LinkStatistics", "LinkedCall", "Request", "WorkerLink"]

RTP_BUFFER_BYTES = 256 * 1024
"""With more than this waiting in the socket's buffer, RTP is dropped."""
CONTROL_BUFFER_BYTES = 1024 * 1024
"""With more than this of control on top, the front does not read: the connection ends."""
ANSWER_S = 5.0
"""How long the front may take to answer `hello` and `end`."""
CLOSE_S = 1.0
"""How long what waits to be sent may take at the end."""

logger = logging.getLogger("voicebot.link")


class WorkerLink(asyncio.Protocol):
    """One connection to the front; made by `connect`.

    What comes is handled as it comes, on the event loop, without a task. The front's mistakes end the connection, and
    with it the call.
    """

    def __init__(self, transport: messages.TransportName) -> None:
        self.statistics = LinkStatistics()
        self._name = transport
        self._decoder = FrameDecoder()
        self._socket: asyncio.Transport | None = None
        self._welcomed = False
        self._idle = self._no_more = False
        self._call: LinkedCall | None = None
        """From the front's `call` until both sides have ended it."""
        self._offered: LinkedCall | None = None
        """The same, until `next_call` has returned it."""
        self._error: LinkError | None = None
        self._closed = asyncio.Event()
        self._changed = asyncio.Event()

    @classmethod
    async def connect(cls, path: Path, transport: messages.TransportName) -> WorkerLink:
        """Connect to the front at this socket and greet it.

        Raises:
            LinkError: `unreachable`: nobody listens there. `wrong_version`, `wrong_transport`, `busy`: the front
                refused, with its reason. `bad_message`, `closed`: that is no front.
        """
        loop = asyncio.get_running_loop()
        try:
            _, link = await loop.create_unix_connection(lambda: cls(transport), str(path))
        except OSError as error:
            reason = error.strerror or str(error)
            raise LinkError("unreachable", f"No front listens at {path}: {reason}.") from error
        try:
            link._send(messages.Hello(transport=transport, pid=os.getpid()))
            async with asyncio.timeout(ANSWER_S):
                while not link._welcomed and not link._closed.is_set():
                    await link._change()
        except TimeoutError:
            link._abort()
            raise LinkError(
                "closed", f"What listens at {path} did not answer within {ANSWER_S:g} s."
            ) from None
        except BaseException:
            link._abort()
            raise
        if not link._welcomed:
            raise link._error or LinkError("closed", f"What listens at {path} closed the connection.")
        return link

    async def next_call(self) -> LinkedCall | None:
        """Say that a call can be held at once, and wait for one; the call before is ended where it is not.

        Returns:
            The call, or None when the front has closed the connection, or after `no_more`.

        Raises:
            LinkError: the connection ended because one side did not keep to the protocol.
        """
        if self._call is not None and self._call is not self._offered:
            await self._ending(self._call)
        if not self._idle and self._offered is None and not self._is_closing and not self._no_more:
            self._idle = True
            self._send(messages.Idle())
        while self._offered is None and not self._closed.is_set() and not self._no_more:
            await self._change()
        call, self._offered = self._offered, None
        if call is None and self._error is not None:
            raise self._error
        return call

    def no_more(self) -> None:
        """Take no further call: `next_call` returns None, at once where it waits for one that is not there yet."""
        self._no_more = True
        self._changed.set()

    async def _ending(self, call: LinkedCall) -> None:
        call.end()
        try:
            async with asyncio.timeout(ANSWER_S):
                while self._call is call and not self._closed.is_set():
                    await self._change()
        except TimeoutError:
            self._error = self._error or LinkError(
                "closed", f"The front did not answer `end` within {ANSWER_S:g} s."
            )
            self._abort()

    async def aclose(self) -> None:
        """End the call, say `bye` and close; twice is fine."""
        try:
            async with asyncio.timeout(CLOSE_S):
                if self._call is not None:
                    self._call.end()
                while self._call is not None:
                    await self._change()
                self._send(messages.Bye())
                if self._socket is not None:
                    self._socket.close()
                await self._closed.wait()
        except TimeoutError:
            pass
        finally:
            self._abort()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    # --- to the front ---------------------------------------------------------------------------------------------

    @property
    def _is_closing(self) -> bool:
        return self._socket is None or self._socket.is_closing()

    def _send(self, message: messages.Message) -> None:
        frame = encode_control(message.as_dict())
        if self._socket is None or self._socket.is_closing():
            return
        self._socket.write(frame)
        if self._socket.get_write_buffer_size() > RTP_BUFFER_BYTES + CONTROL_BUFFER_BYTES:
            self._error = self._error or LinkError("closed", "The front does not read what it is sent.")
            self._abort()

    def _send_rtp(self, packet: bytes) -> None:
        if self._socket is None or self._socket.is_closing():
            return
        if self._socket.get_write_buffer_size() > RTP_BUFFER_BYTES:
            self.statistics.rtp_not_sent += 1
            return
        self._socket.write(encode_rtp(packet))
        self.statistics.rtp_sent += 1

    def _abort(self) -> None:
        if self._socket is not None:
            self._socket.abort()

    def _fail(self, error: LinkError) -> None:
        """The front has made a mistake: tell it, and close."""
        self._error = self._error or error
        logger.warning("the link to the front is closed: %s", error.message)
        code: messages.ErrorCode = "wrong_version" if error.code == "wrong_version" else "bad_message"
        self._send(messages.Error(code=code, message=error.message))
        if self._socket is not None and self._socket.get_write_buffer_size():
            # It does not even read.
            self._socket.abort()
        elif self._socket is not None:
            self._socket.close()

    # --- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._socket = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._call is not None:
            self._call.close("link_lost")
        self._call = self._offered = None
        self._closed.set()
        self._changed.set()

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        try:
            for frame in self._decoder.feed(data):
                if isinstance(frame, RtpFrame):
                    self._packet(frame)
                else:
                    self._control(messages.from_front(frame.message))
                if self._is_closing:
                    return
        except LinkError as error:
            self._fail(error)

    def _packet(self, frame: RtpFrame) -> None:
        if self._call is None or self._call.ended_reason is not None:
            self.statistics.rtp_outside_call += 1
            return
        self.statistics.rtp_received += 1
        self._call.push(frame)

    def _control(self, message: messages.FrontMessage) -> None:
        if isinstance(message, messages.Error):
            self._error = LinkError(message.code, f"The front says: {message.message}")
            self._abort()
        elif isinstance(message, messages.Welcome):
            self._welcome(message)
        elif not self._welcomed:
            raise LinkError("bad_message", f"`{message.type}` before `welcome`.")
        elif isinstance(message, messages.Call):
            self._begin(message)
        elif self._call is None:
            raise LinkError("bad_message", f"`{message.type}` without a call.")
        elif isinstance(message, messages.End):
            self._end(self._call, message)
        else:
            self._call.push(message)

    def _welcome(self, message: messages.Welcome) -> None:
        if message.version != messages.LINK_VERSION:
            reason = f"The front speaks version {message.version} of the link, this worker {messages.LINK_VERSION}."
            raise LinkError("wrong_version", reason, hint="Both must come from the same release of voicebot.")
        if self._welcomed:
            raise LinkError("bad_message", "A second `welcome`.")
        self._welcomed = True
        self._changed.set()

    def _begin(self, message: messages.Call) -> None:
        if not self._idle or self._call is not None:
            raise LinkError("bad_message", "A `call` for a worker that is not idle.")
        if isinstance(message.media, messages.MediasoupMedia) != (self._name == "mediasoup"):
            raise LinkError("bad_message", f"The media of the `call` are not those of {self._name}.")
        self._idle = False
        self._call = self._offered = LinkedCall(
            message,
            send=self._send,
            send_rtp=self._send_rtp,
            statistics=self.statistics,
        )
        self._changed.set()

    def _end(self, call: LinkedCall, message: messages.End) -> None:
        if call.ended_reason is None:
            call.close(message.reason)
            self._send(messages.WorkerEnd(reason="hung_up", message=""))
        self._call = None
        self._changed.set()
