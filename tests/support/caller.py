"""Places calls over the socket of the scripted transport."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.events: list[dict[str, Any]] = []

    def send(self, **line: Any) -> None:
        """`say=1.0` or `silence=0.5` (seconds), `heard={"turn_id": …, "voice_to_voice_ms": …}`."""
        self._writer.write(json.dumps(line).encode() + b"\n")

    async def until(self, name: str, **fields: Any) -> dict[str, Any]:
        """The next event of that name with those fields.

        Raises:
            EOFError: the call ended before it came.
        """
        while line := await self._reader.readline():
            event: dict[str, Any] = json.loads(line)
            self.events.append(event)
            if event["name"] == name and fields.items() <= event.items():
                return event
        raise EOFError(f"the call ended without {name} {fields}; last: {self.events[-1:]}")

    async def gone(self) -> None:
        """Wait until the other side has let go."""
        while await self._reader.readline():
            pass


@asynccontextmanager
async def calling(socket: Path) -> AsyncIterator[Caller]:
    """A call, as long as the block lasts; it begins when a call worker takes it."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(b"caller\n")
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])
