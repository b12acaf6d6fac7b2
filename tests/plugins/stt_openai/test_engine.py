"""Real ears behind the fake server: what it hears is what voicebot's own recogniser hears."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugins.stt_openai.support import KEY, run, transcribe

import voicebot
from voicebot.bench.words import word_errors
from voicebot.interfaces import STT, ProviderContext
from voicebot.models import ModelStore
from voicebot.testing.fakes.http import FakeServer
from voicebot.testing.fakes.transcription import app
from voicebot.wav import read_wav
from voicebot_stt_fasterwhisper import FasterWhisperConfig, FasterWhisperSTT
from voicebot_stt_openai import OpenAISTT

pytestmark = pytest.mark.engine

QUESTION = Path(voicebot.__file__).parent / "samples" / "question.wav"
SAID = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."


@pytest.fixture(scope="module")
def ears(model_store: ModelStore) -> Iterator[STT]:
    config = FasterWhisperConfig(model="whisper-base-ct2", interim_interval_ms=0)
    engine = FasterWhisperSTT(config, ProviderContext(models=model_store))
    asyncio.run(engine.warmup())
    yield engine
    asyncio.run(engine.aclose())


@pytest.mark.parametrize("upload", ["wav", "flac"])
def test_the_bundled_question_is_understood(ears: STT, upload: str) -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        await stt.warmup()
        found = await transcribe(stt, read_wav(QUESTION))
        assert word_errors("What is the capital of France?", found.text) == (0, 6)
        assert found.language == "en"
        assert found.confidence is not None
        assert found.confidence > 0.3

    run(app(api_key=KEY, engine=ears), use, upload=upload)


def test_a_person_is_understood(ears: STT, model_store: ModelStore) -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        found = await transcribe(stt, read_wav(model_store.path("sample-human-speech")))
        wrong, of = word_errors(SAID, found.text)
        assert of == 22
        assert wrong <= 1

    run(app(engine=ears), use)


def test_an_engine_that_is_named_is_loaded() -> None:
    async def use(stt: OpenAISTT, server: FakeServer) -> None:
        found = await transcribe(stt, read_wav(QUESTION))
        assert word_errors("What is the capital of France?", found.text)[0] == 0

    run(app(engine="fasterwhisper"), use)
