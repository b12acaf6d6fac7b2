"""The webrtc transport: its front for `voicebot run`, and its calls for a call worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from voicebot.access.settings import AccessSettings
from voicebot.clock import now
from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, Operations, ProviderContext
from voicebot.link.errors import LinkError
from voicebot.link.settings import socket_path
from voicebot_transport_webrtc.config import WebRtcConfig

if TYPE_CHECKING:
    from voicebot.link.worker import WorkerLink
    from voicebot.rtp.connection import RtpConnection

__all__ = ["WebRtcFront", "WebRtcTransport"]

FRONT_WITHIN_S = 30.0
"""How long a call worker waits for the front to be there."""
RETRY_S = (0.05, 1.0)
"""The first pause between two attempts, doubled up to the last."""


class WebRtcTransport:
    """Calls from browsers, without a media server: each call worker is the page's peer."""

    Config: ClassVar[type[BaseModel]] = WebRtcConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True,
        sample_rates=(48_000,),
        licence="BSD-3-Clause AND Apache-2.0",
        modules=("aiortc", "aiohttp", "opuslib_next"),
        extra="webrtc",
    )

    def __init__(self, config: WebRtcConfig, context: ProviderContext) -> None:
        self._config = config
        self._access = context.access
        self._base_dir = context.base_dir
        self._link: WorkerLink | None = None
        self._no_more = False

    @classmethod
    def required_models(cls, config: WebRtcConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Load aiortc and libopus.

        Raises:
            EngineError: there is no libopus, or an ICE server's address is none.
        """
        await asyncio.to_thread(_load, self._config)

    def front(self) -> WebRtcFront:
        return WebRtcFront(self._config, self._base_dir, self._access)

    async def connections(self) -> AsyncGenerator[RtpConnection, None]:
        """Calls as the front gives them, each from when its audio has a path; ends when the front closes.

        Raises:
            EngineError: there is no front within 30 s, or it and this worker do not understand each other.
        """
        from voicebot_transport_webrtc.call import HeldCall

        link = self._link = await _connect(socket_path(self._config, self._base_dir))
        if self._no_more:
            link.no_more()
        try:
            while (call := await link.next_call()) is not None:
                held = HeldCall(call, self._config)
                try:
                    if await held.connected():
                        yield held.connection
                finally:
                    await held.aclose()
        except LinkError as error:
            raise EngineError(error.message, hint=error.hint) from error
        finally:
            await link.aclose()

    def no_more(self) -> None:
        """`connections` ends with the call that is coming or on, or at once."""
        self._no_more = True
        if self._link is not None:
            self._link.no_more()

    async def aclose(self) -> None:
        pass


class WebRtcFront:
    """Takes calls from pages, and gives them to call workers; its process holds no audio and does not load aiortc."""

    def __init__(self, config: WebRtcConfig, base_dir: Path, access: AccessSettings | None = None) -> None:
        self._config = config
        self._access = access
        self._base_dir = base_dir
        self._operations: Operations | None = None

    def operate(self, operations: Operations) -> None:
        """Show this at /readyz and /metrics, too."""
        self._operations = operations

    async def serve(self, on_ready: Callable[[str], None]) -> None:
        """Serve until cancelled; then end every call, and tell everyone.

        Args:
            on_ready: called with the page's address when it can be opened.

        Raises:
            AccessError: it would listen for strangers, and nothing says who may call.
            EngineError: the port or the socket is taken.
        """
        from voicebot_transport_webrtc.front.serve import serve

        path = socket_path(self._config, self._base_dir)
        await serve(self._config, path, on_ready, self._operations, self._access, self._base_dir)


def _load(config: WebRtcConfig) -> None:
    from aiortc import RTCIceGatherer

    from voicebot.rtp.opus import load_opus
    from voicebot_transport_webrtc.call import ice_servers

    load_opus()
    servers = [server.model_dump(exclude_none=True) for server in config.ice_servers]
    if config.turn is not None:
        servers.append({"urls": config.turn.urls, "username": "user", "credential": "secret"})
    for server in servers:
        try:
            RTCIceGatherer(ice_servers([server]))
        except ValueError as error:
            raise EngineError(
                f"transport.ice_servers: {server['urls']}: {error}",
                hint="An address is like stun:stun.example.org:3478 or turn:turn.example.org:3478?transport=udp.",
            ) from error


async def _connect(path: Path) -> WorkerLink:
    """Wait for the front, and greet it."""
    from voicebot.link.worker import WorkerLink

    deadline_s = now() + FRONT_WITHIN_S
    pause_s, longest_s = RETRY_S
    while True:
        try:
            return await WorkerLink.connect(path, "webrtc")
        except LinkError as error:
            if error.code != "unreachable" or now() + pause_s > deadline_s:
                hint = error.hint or "Start it with `voicebot run`, which starts the call workers too."
                raise EngineError(error.message, hint=hint) from error
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, longest_s)
