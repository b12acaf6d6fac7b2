"""A provider with a fake OpenTTS around it, over real sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from typing import Any

import numpy as np

from voicebot.audio import AudioChunk, Samples
from voicebot.testing import context
from voicebot.testing.fakes.http import FakeServer, Handler, Request
from voicebot.testing.fakes.opentts import app
from voicebot_tts_opentts import OpenTTS, OpenTTSConfig

SECRET = "Basic dm9pY2U6c2VjcmV0LXdvcmQ="


def provider(url: str, **settings: Any) -> OpenTTS:
    return OpenTTS(OpenTTSConfig.model_validate({"base_url": url, **settings}), context())


def run(
    use: Callable[[OpenTTS, FakeServer], Awaitable[None]], handler: Handler | None = None, **settings: Any
) -> None:
    """Use a provider, with a server, and see that both end."""

    async def main() -> None:
        async with FakeServer(handler or app()) as server:
            tts = provider(server.url, **settings)
            try:
                async with asyncio.timeout(30):
                    await use(tts, server)
            finally:
                await tts.aclose()
                await tts.aclose()

    asyncio.run(main())


async def chunks_of(tts: OpenTTS, text: str) -> list[AudioChunk]:
    chunks = []
    async with aclosing(tts.synthesize(text)) as stream:
        async for event in stream:
            assert isinstance(event, AudioChunk)
            assert event.samples.dtype == np.int16
            assert len(event.samples)
            chunks.append(event)
    return chunks


def joined(chunks: list[AudioChunk]) -> Samples:
    return np.concatenate([np.zeros(0, np.int16), *(chunk.samples for chunk in chunks)])


def said(server: FakeServer) -> list[Request]:
    return [request for request in server.requests if request.path == "/api/tts"]


class Held:
    """Syntheses that wait until they are let go, and tell when they begin."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.let_go = asyncio.Event()

    async def __call__(self, text: str) -> None:
        self.begun.put_nowait(text)
        await self.let_go.wait()


@contextmanager
def served(handler: Handler) -> Iterator[str]:
    """The address of a server on a loop and a thread of its own."""
    ready, address = threading.Event(), ""

    async def main() -> None:
        nonlocal address
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        await asyncio.to_thread(lambda: None)  # its thread is there before anybody counts threads
        async with FakeServer(handler) as server:
            address = server.url
            ready.set()
            await stopped.wait()

    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    try:
        assert ready.wait(20)
        yield address
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(20)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
