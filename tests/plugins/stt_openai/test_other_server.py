"""Against a transcription server that is not ours: see `tests.support.whisper_server`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugins.stt_openai.support import provider, transcribe
from tests.support.whisper_server import MODULE, whisper_server

import voicebot
from voicebot.bench.words import word_errors
from voicebot.errors import EngineError
from voicebot.models import ModelStore
from voicebot.wav import read_wav

pytest.importorskip(MODULE, reason="pip install faster-whisper-server")
pytestmark = pytest.mark.engine

QUESTION = Path(voicebot.__file__).parent / "samples" / "question.wav"


@pytest.fixture(scope="module")
def url(model_store: ModelStore) -> Iterator[str]:
    with whisper_server(model_store) as address:
        yield address


@pytest.mark.parametrize("response_format", ["json", "verbose_json"])
@pytest.mark.parametrize("upload", ["wav", "flac"])
def test_the_bundled_question_is_understood(url: str, upload: str, response_format: str) -> None:
    async def main() -> None:
        stt = provider(url, upload=upload, response_format=response_format)
        try:
            await stt.warmup()  # it has no list of models
            found = await transcribe(stt, read_wav(QUESTION))
            assert word_errors("What is the capital of France?", found.text) == (0, 6)
            assert (found.confidence is not None) == (response_format == "verbose_json")
        finally:
            await stt.aclose()

    asyncio.run(main())


def test_its_error_is_told(url: str) -> None:
    async def main() -> None:
        stt = provider(url, path="/audio")
        try:
            with pytest.raises(EngineError, match="no transcriptions at /audio: Not Found"):
                await transcribe(stt, read_wav(QUESTION))
        finally:
            await stt.aclose()

    asyncio.run(main())
