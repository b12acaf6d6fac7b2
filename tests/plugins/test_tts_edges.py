"""All voices leave the same small silence around a clause, and put one after another without a click."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from voicebot.audio import AudioChunk, Samples
from voicebot.interfaces import TTS, ProviderContext
from voicebot.models import ModelStore
from voicebot.synthesis.silence import SILENT_BELOW
from voicebot.testing.fakes.http import FakeServer
from voicebot.testing.fakes.opentts import app
from voicebot_tts_espeak import EspeakConfig, EspeakTTS
from voicebot_tts_opentts import OpenTTS, OpenTTSConfig
from voicebot_tts_piper import PiperConfig, PiperTTS

CLAUSES = (
    "Well, let me see,",
    "we open at nine in the morning.",
    "That is fine. Please bring the papers.",
    "Stop!",
    "hmm, five past six",
    "she sells fish",
)
LEAD_MS, TAIL_MS = 10, 80


@asynccontextmanager
async def voice(name: str, store: ModelStore) -> AsyncIterator[TTS]:
    context = ProviderContext(models=store)
    async with FakeServer(app()) as server:
        tts: TTS
        if name == "espeak":
            tts = EspeakTTS(EspeakConfig(), context)
        elif name == "piper":
            # At full volume, so that silence is the same for all.
            tts = PiperTTS(PiperConfig(volume=1, noise_scale=0, noise_w=0), context)
        else:
            tts = OpenTTS(OpenTTSConfig(base_url=server.url, voice="coqui-tts:en_ljspeech"), context)
        await tts.warmup()
        try:
            yield tts
        finally:
            await tts.aclose()


def with_voice(name: str, store: ModelStore, use: Callable[[TTS], Awaitable[None]]) -> None:
    async def main() -> None:
        async with voice(name, store) as tts:
            await use(tts)

    asyncio.run(main())


async def spoken(tts: TTS, text: str) -> tuple[Samples, int]:
    chunks = [event async for event in tts.synthesize(text) if isinstance(event, AudioChunk)]
    return np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate


@pytest.mark.engine
@pytest.mark.parametrize("name", ["espeak", "piper", "opentts"])
def test_the_edges_of_clauses(model_store: ModelStore, name: str) -> None:
    async def use(tts: TTS) -> None:
        before = 0
        for clause in CLAUSES:
            samples, rate = await spoken(tts, clause)
            levels = samples.astype(np.int32)
            loud = np.flatnonzero(np.abs(levels) >= SILENT_BELOW)
            assert loud[0] <= LEAD_MS * rate / 1000 + 1, clause
            assert len(levels) - 1 - loud[-1] <= TAIL_MS * rate / 1000 + 1, clause
            # A click is a step: those inside speech are far larger than the ones where clauses meet.
            largest = np.abs(np.diff(levels)).max()
            assert abs(int(levels[0]) - before) < largest / 20, clause
            before = int(levels[-1])

    with_voice(name, model_store, use)
