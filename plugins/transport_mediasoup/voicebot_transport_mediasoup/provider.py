"""The mediasoup transport, as call workers see it: calls that the SFU hands over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from pydantic import BaseModel

from voicebot.clock import now
from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, HeardReport, ProviderContext
from voicebot.link import LinkedCall, LinkError, WorkerLink
from voicebot.link.frames import RtpFrame
from voicebot.link.messages import MediaState
from voicebot.link.reporter import CallReporter
from voicebot.link.settings import socket_path
from voicebot.rtp.connection import RtpConnection
from voicebot.rtp.opus import OpusDecoder, OpusEncoder, load_opus
from voicebot.rtp.receiving import RtpReceiver
from voicebot.rtp.sending import RtpSender
from voicebot_transport_mediasoup.backoff import Backoff
from voicebot_transport_mediasoup.config import MediasoupConfig
from voicebot_transport_mediasoup.front import SfuFront

__all__ = ["MediasoupTransport"]

logger = logging.getLogger("voicebot.link")


class MediasoupTransport:
    """Calls from browsers: WebRTC ends in mediasoup, RTP comes from there over a Unix socket."""

    Config: ClassVar[type[BaseModel]] = MediasoupConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True,
        sample_rates=(48_000,),
        needs_network=True,
        licence="Apache-2.0 AND ISC",
        modules=("opuslib_next",),
        extra="mediasoup",
    )

    def __init__(self, config: MediasoupConfig, context: ProviderContext) -> None:
        self._config = config
        self._access = context.access
        self._base_dir = context.base_dir
        self._link: WorkerLink | None = None
        self._no_more = False

    @classmethod
    def required_models(cls, config: MediasoupConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Load libopus.

        Raises:
            EngineError: it is missing.
        """
        await asyncio.to_thread(load_opus)

    def front(self) -> SfuFront | None:
        """The SFU's process, or None where one runs by itself."""
        return SfuFront(self._config, self._base_dir, self._access) if self._config.sfu.start else None

    async def connections(self) -> AsyncGenerator[RtpConnection, None]:
        """The SFU's calls, one at a time, each once its media path is up, or the first words would be lost.

        Connects again when the SFU was restarted.

        Raises:
            EngineError: there was no SFU for `sfu.connect_timeout_s`, or it is of another version.
        """
        await self.warmup()
        backoff = Backoff(first_s=0.1, longest_s=1.0)
        while not self._no_more:
            link = self._link = await self._connect(backoff)
            if self._no_more:
                link.no_more()
            try:
                while (call := await link.next_call()) is not None:
                    async with self._held(call) as (connection, begun):
                        if await begun:
                            yield connection
                if self._no_more:
                    return
                logger.info("the SFU has closed the link")
            except LinkError as error:
                logger.warning("the link to the SFU is lost: %s", error.message)
            finally:
                await link.aclose()
            # One that closes at once, again and again, is not asked in a busy loop.
            await asyncio.sleep(backoff.failed(now()) or 0)

    def no_more(self) -> None:
        """`connections` ends with the call that is coming or on, or at once."""
        self._no_more = True
        if self._link is not None:
            self._link.no_more()

    async def aclose(self) -> None:
        """Nothing is held between calls; closing the generator of `connections` ends the link."""

    async def _connect(self, backoff: Backoff) -> WorkerLink:
        path = socket_path(self._config, self._base_dir)
        until_s = now() + self._config.sfu.connect_timeout_s
        while True:
            try:
                return await WorkerLink.connect(path, "mediasoup")
            except LinkError as error:
                delay_s = backoff.failed(now()) or 0.0
                if error.code in ("wrong_version", "wrong_transport"):
                    raise EngineError(error.message, hint=error.hint) from error
                if now() + delay_s > until_s:
                    hint = "Is the SFU running? `voicebot run` starts it where transport.sfu.start is true."
                    raise EngineError(error.message, hint=error.hint or hint, retryable=True) from error
            await asyncio.sleep(delay_s)

    @asynccontextmanager
    async def _held(self, call: LinkedCall) -> AsyncIterator[tuple[RtpConnection, asyncio.Future[bool]]]:
        """The connection of a call, fed until it is left, and whether its media path is up (False: never will be)."""
        reporter = CallReporter(call)

        async def end() -> None:
            reporter.end()

        connection = RtpConnection(
            RtpReceiver(OpusDecoder(), self._config.jitter),
            RtpSender(OpusEncoder(self._config.opus), call.media["payload_type"], call.media["ssrc"]),
            call_id=call.call_id,
            max_call_s=call.max_call_s,
            transmit=lambda packet: call.send_rtp(packet.serialize()),
            notify=reporter.notify,
            close=end,
        )
        begun: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        feeding = asyncio.create_task(_feed(connection, call, begun), name=f"feed {call.call_id}")
        try:
            yield connection, begun
        finally:
            await connection.aclose()
            # Ends by itself, for the call has.
            await feeding


async def _feed(connection: RtpConnection, call: LinkedCall, begun: asyncio.Future[bool]) -> None:
    try:
        async for item in call:
            if isinstance(item, RtpFrame):
                connection.feed(item.payload)
            elif isinstance(item, MediaState):
                if not begun.done():
                    begun.set_result(True)
            elif isinstance(item, HeardReport):
                connection.report(item)
            else:
                item.refuse("unknown_method", "Nothing can be asked of this call.")
    finally:
        # Whatever happens: who holds the call waits for these.
        connection.hang_up()
        if not begun.done():
            begun.set_result(False)
