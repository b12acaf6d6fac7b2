"""The Unix socket's side of the front: frames in, frames out; the rules are in `worker` and `switchboard`."""

from __future__ import annotations

import asyncio
import logging

from voicebot.clock import now
from voicebot.link.errors import LinkError
from voicebot.link.frames import ControlFrame, FrameDecoder, encode_control
from voicebot.link.messages import Message, from_worker
from voicebot_transport_webrtc.front.switchboard import Switchboard
from voicebot_transport_webrtc.front.worker import Worker

__all__ = ["Link"]

MAX_UNSENT_BYTES = 1024 * 1024

_log = logging.getLogger(__name__)


class Link(asyncio.Protocol):
    """One call worker's connection."""

    def __init__(self, board: Switchboard, links: set[Link]) -> None:
        self._board = board
        self._links = links
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport | None = None
        self._worker: Worker | None = None
        self.closed = asyncio.Event()

    # --- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._links.add(self)
        self._worker = self._board.worker_opened(self, now())

    def data_received(self, data: bytes) -> None:
        assert self._worker is not None
        if self._is_closing:
            return
        try:
            for frame in self._decoder.feed(data):
                # RTP does not come over this link: like late packets, it is dropped.
                if isinstance(frame, ControlFrame):
                    self._worker.received(from_worker(frame.message), now())
        except LinkError as error:
            self._board.worker_failed(self._worker, error, now())

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._worker is not None
        self._links.discard(self)
        self._worker.lost(now())
        self.closed.set()

    # --- WorkerPort -----------------------------------------------------------------------------------------------

    @property
    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def send(self, message: Message) -> None:
        if self._transport is None or self._is_closing:
            return
        self._transport.write(encode_control(message.as_dict()))
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            _log.error("a call worker does not read what it is sent: its connection is closed")
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
