"""A provider with a fake server around it, on the test's own loop or in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from voicebot.audio import AudioChunk, Samples
from voicebot.interfaces import FinalTranscript
from voicebot.testing import context
from voicebot.testing.fakes.http import FakeServer, Handler
from voicebot_stt_openai import OpenAISTT, OpenAISTTConfig

KEY = "gsk-9f8e7d6c5b4a-very-secret"
MODEL = "whisper-large-v3-turbo"
RATE = 16_000
TRANSCRIPTIONS = "/v1/audio/transcriptions"


def sounding(seconds: float) -> Samples:
    """Loud, and no steady hum: its level swings by more than 6 dB, four times a second."""
    time = np.arange(round(seconds * RATE)) / RATE
    level = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)
    return (9_000 * level * np.sin(2 * np.pi * 220 * time)).astype(np.int16)


SPEECH = AudioChunk(sounding(1.5), RATE)
SILENCE = AudioChunk.silence(1000, RATE)


def provider(url: str, call_language: str = "en-GB", **settings: object) -> OpenAISTT:
    values = {"base_url": f"{url}/v1", "api_key": KEY, "model": MODEL, **settings}
    return OpenAISTT(OpenAISTTConfig.model_validate(values), context(language=call_language))


async def transcribe(stt: OpenAISTT, *chunks: AudioChunk) -> FinalTranscript:
    utterance = stt.start(lambda interim: None)
    try:
        for chunk in chunks or (SPEECH,):
            utterance.push(chunk)
        return await utterance.finalize()
    finally:
        await utterance.aclose()


def run(
    handler: Handler,
    use: Callable[[OpenAISTT, FakeServer], Awaitable[None]],
    call_language: str = "en-GB",
    **settings: object,
) -> None:
    """Use a provider with a server around it."""

    async def main() -> None:
        async with FakeServer(handler) as server:
            base = {"base_url": server.url} if settings.get("path") == "/inference" else {}
            stt = provider(server.url, call_language, **{**base, **settings})
            try:
                async with asyncio.timeout(20):
                    await use(stt, server)
            finally:
                await stt.aclose()
                await stt.aclose()
            left = {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}
            assert not {name for name in left if not name.startswith("fake")}

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it (the test's own timeout is the net)."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
