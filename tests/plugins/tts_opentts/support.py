"""A provider with a fake OpenTTS around it, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
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
