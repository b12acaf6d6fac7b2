from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from typing import ClassVar

from pydantic import BaseModel
from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ProviderContext

from voicebot_transport_demo.config import DemoConfig
from voicebot_transport_demo.engine import DemoConnection


class DemoTransport:
    """Calls over plain TCP."""

    api_version = 1
    Config: ClassVar[type[BaseModel]] = DemoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True)

    def __init__(self, config: DemoConfig, context: ProviderContext) -> None:
        self._config = config

    @classmethod
    def required_models(cls, config: DemoConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Nothing to load."""

    def front(self) -> None:
        """Nothing outlives a call: each call worker listens for itself."""

    async def connections(self) -> AsyncGenerator[DemoConnection, None]:
        while True:
            connection = await self._next()
            try:
                yield connection
            finally:
                await connection.aclose()

    async def _next(self) -> DemoConnection:
        address = (self._config.host, self._config.port)
        try:
            # Several call workers may listen on one port at once.
            listener = socket.create_server(address, backlog=1, reuse_port=True)
        except OSError as error:
            raise EngineError(
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror}",
                hint="Choose another port.",
            ) from error
        with closing(listener):
            listener.setblocking(False)
            caller, _ = await asyncio.get_running_loop().sock_accept(listener)
        reader, writer = await asyncio.open_connection(sock=caller)
        return DemoConnection(reader, writer, self._config.sample_rate)

    async def aclose(self) -> None:
        """What `connections` opened, it has closed."""
