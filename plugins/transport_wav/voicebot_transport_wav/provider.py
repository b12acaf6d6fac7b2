"""The wav transport: exactly one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from voicebot.audio import AudioChunk
from voicebot.errors import AudioError
from voicebot.interfaces import Capabilities, ProviderContext
from voicebot.wav import check_writable, read_wav
from voicebot_transport_wav.config import WavConfig
from voicebot_transport_wav.connection import WavConnection

__all__ = ["WavTransport"]


class WavTransport:
    """A recorded user on the line, in real time (or as fast as the event loop's clock goes)."""

    Config: ClassVar[type[BaseModel]] = WavConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, licence="Apache-2.0")

    def __init__(self, config: WavConfig, context: ProviderContext) -> None:
        self._config = config
        self._input = context.base_dir / config.input.expanduser()
        self._output = context.base_dir / config.output.expanduser()
        self._recording: AudioChunk | None = None

    @classmethod
    def required_models(cls, config: WavConfig) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        """Read the input, and see that the output can be written.

        Raises:
            AudioError: one of the two is not possible.
        """
        self._recording = await asyncio.to_thread(_prepare, self._input, self._output)

    def front(self) -> None:
        return None

    async def connections(self) -> AsyncGenerator[WavConnection, None]:
        """One connection, closed at the latest when the next is asked for.

        Raises:
            AudioError: as `warmup`, where that was not called.
        """
        if self._recording is None:
            await self.warmup()
        assert self._recording is not None
        connection = WavConnection(self._recording, self._output, self._config)
        try:
            yield connection
        finally:
            await connection.aclose()

    async def aclose(self) -> None:
        self._recording = None


def _prepare(source: Path, target: Path) -> AudioChunk:
    check_writable(target)
    recording = read_wav(source)
    if target.exists() and target.samefile(source):
        raise AudioError(f"The output would overwrite the input {source}.", hint="Give it another name.")
    return recording
