"""The front's side of the link, one step at a time, as the test says: also what no front would do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from voicebot.link.frames import ControlFrame, Frame, FrameDecoder, encode_control, encode_rtp

MEDIA = {"payload_type": 100, "clock_rate": 48_000, "channels": 2, "ssrc": 1234}
SAFETY_S = 20.0


class Peer:
    """One worker's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._decoder = FrameDecoder()
        self._frames: list[Frame] = []

    def say(self, **message: Any) -> None:
        self.raw(encode_control(message))

    def rtp(self, packet: bytes) -> None:
        self.raw(encode_rtp(packet))

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    async def frame(self) -> Frame | None:
        """The next one; None where the worker has closed."""
        async with asyncio.timeout(SAFETY_S):
            while not self._frames:
                data = await self.reader.read(65_536)
                if not data:
                    return None
                self._frames = self._decoder.feed(data)
        return self._frames.pop(0)

    async def control(self) -> Mapping[str, Any]:
        frame = await self.frame()
        assert isinstance(frame, ControlFrame), frame
        return frame.message

    async def closed(self) -> None:
        """Wait until the worker has closed, whatever it says before."""
        while await self.frame() is not None:
            pass

    async def greet(self) -> None:
        hello = await self.control()
        assert hello["type"] == "hello"
        self.say(type="welcome", version=1)

    async def give_call(self, call_id: str = "c1") -> None:
        assert await self.control() == {"type": "idle"}
        self.say(type="call", call_id=call_id, media=MEDIA)

    def close(self) -> None:
        self.writer.close()


class Front:
    """Listens at a socket; `async with` it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()
        self._all: list[Peer] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._accept, str(self.path))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for peer in self._all:
            peer.close()
        await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._all.append(Peer(reader, writer))
        self._peers.put_nowait(self._all[-1])

    async def accept(self) -> Peer:
        async with asyncio.timeout(SAFETY_S):
            return await self._peers.get()
