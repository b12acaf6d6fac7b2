"""A front over real sockets, pages that speak to it, and call workers made of frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from voicebot.access.settings import AccessSettings
from voicebot.interfaces import Operations
from voicebot.link.frames import ControlFrame, FrameDecoder, encode_control
from voicebot_transport_webrtc import WebRtcConfig
from voicebot_transport_webrtc.front.serve import serve

T = TypeVar("T")
LIMIT_S = 20
"""A safety net: nothing is measured by it."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it, and see that it leaves no task behind."""

    async def watched() -> T:
        async with asyncio.timeout(90):
            result = await work
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            # aiortc's search for a path looks every 20 ms whether it was given up.
            _, left = await asyncio.wait(left, timeout=2)
        assert not left, left
        return result

    return asyncio.run(watched())


@dataclass
class RunningFront:
    url: str
    socket: Path
    task: asyncio.Task[None]

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.text()

    async def ready(self) -> None:
        """Until a call would be taken."""
        async with asyncio.timeout(LIMIT_S):
            while (await self.get("readyz"))[0] != 200:  # noqa: ASYNC110 - it can only be asked
                await asyncio.sleep(0.01)

    async def metric(self, line: str) -> float:
        """The value of a line of /metrics, 0 where it is not there."""
        text = (await self.get("metrics"))[1]
        values = [other.rpartition(" ")[2] for other in text.splitlines() if other.rpartition(" ")[0] == line]
        return float(values[0]) if values else 0.0

    async def metric_becomes(self, line: str, value: float) -> None:
        async with asyncio.timeout(LIMIT_S):
            while await self.metric(line) != value:  # noqa: ASYNC110 - it can only be asked
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


@asynccontextmanager
async def running_front(
    tmp_path: Path,
    operations: Operations | None = None,
    access: AccessSettings | None = None,
    **settings: Any,
) -> AsyncIterator[RunningFront]:
    config = WebRtcConfig.model_validate({"port": 0, "socket": tmp_path / "calls.sock"} | settings)
    assert config.socket is not None
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(config, config.socket, address.set_result, operations, access))
    try:
        waiting: set[asyncio.Future[Any]] = {task, address}
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            await task
        front = RunningFront(address.result(), config.socket, task)
        yield front
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert not config.socket.exists()


class PageClient:
    """A page's signalling."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.token = self.call_id = ""

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send_str(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """The next message; fails where the connection is closed instead."""
        message = await self.socket.receive(LIMIT_S)
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
        answer = json.loads(message.data)
        assert isinstance(answer, dict)
        return answer

    async def closed(self) -> int:
        """The code with which the connection is closed, whatever comes before."""
        while True:
            message = await self.socket.receive(LIMIT_S)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                assert self.socket.close_code is not None
                return self.socket.close_code

    async def join(self, **extra: Any) -> dict[str, Any]:
        await self.send({"type": "join", "version": 1} | extra)
        answer = await self.receive()
        if answer["type"] == "joined":
            self.token, self.call_id = answer["token"], answer["call_id"]
        return answer

    async def refused(self) -> tuple[str, int]:
        answer = await self.receive()
        assert answer["type"] == "refused", answer
        assert answer["message"]
        return answer["code"], await self.closed()


@asynccontextmanager
async def page(front: RunningFront, **options: Any) -> AsyncIterator[PageClient]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(front.url + "signal", **options) as socket,
    ):
        yield PageClient(socket)


class FakeWorker:
    """A call worker that says what the test tells it to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._decoder = FrameDecoder()
        self._received: list[dict[str, Any]] = []

    async def send(self, type: str, **fields: Any) -> None:
        self.writer.write(encode_control({"type": type} | fields))
        await self.writer.drain()

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_S):
            while not self._received:
                data = await self._reader.read(65_536)
                assert data, "the front closed the connection"
                for frame in self._decoder.feed(data):
                    assert isinstance(frame, ControlFrame)
                    self._received.append(frame.message)
        return self._received.pop(0)

    async def closed(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            with suppress(ConnectionError):
                while await self._reader.read(65_536):
                    pass

    async def hello(self) -> None:
        await self.send("hello", version=1, transport="webrtc", pid=4711)
        assert await self.receive() == {"type": "welcome", "version": 1}

    async def end(self, reason: str = "hung_up") -> None:
        await self.send("end", reason=reason, message="")

    def kill(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def worker(front: RunningFront, *, idle: bool = True) -> AsyncIterator[FakeWorker]:
    reader, writer = await asyncio.open_unix_connection(str(front.socket))
    try:
        fake = FakeWorker(reader, writer)
        if idle:
            await fake.hello()
            await fake.send("idle")
        yield fake
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def call(front: RunningFront) -> AsyncIterator[tuple[PageClient, FakeWorker]]:
    """A call that is up, media and all."""
    async with worker(front) as agent:
        await front.ready()
        async with page(front) as caller:
            assert (await caller.join())["type"] == "joined"
            assert (await agent.receive())["type"] == "call"
            await agent.send("media", state="connected")
            yield caller, agent


async def goes_on(caller: PageClient, agent: FakeWorker) -> None:
    """See that this call is alive in both directions."""
    await caller.send({"type": "heard", "turn_id": 1, "voice_to_voice_ms": 800.5})
    assert await agent.receive() == {"type": "heard", "turn_id": 1, "voice_to_voice_ms": 800.5}
    await agent.send("event", event={"name": "state_changed", "state": "listening"})
    assert await caller.receive() == {
        "type": "event",
        "event": {"name": "state_changed", "state": "listening"},
    }
