"""Our own voice-activity detectors, recognisers and end-of-turn detectors pass the checks that we ask of others'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.served import served

import voicebot
from voicebot.interfaces import ProviderContext
from voicebot.testing import context
from voicebot.testing.conformance import EndOfTurnConformance, STTConformance, VADConformance
from voicebot.testing.fakes import transcription
from voicebot.wav import read_wav
from voicebot_stt_fasterwhisper import FasterWhisperConfig, FasterWhisperSTT
from voicebot_stt_openai import OpenAISTT, OpenAISTTConfig
from voicebot_stt_whispercpp import WhisperCppConfig, WhisperCppSTT
from voicebot_turn_silence import SilenceConfig, SilenceTurn
from voicebot_turn_smart import SmartConfig, SmartTurn
from voicebot_vad_silero import SileroConfig, SileroVAD

QUESTION = read_wav(Path(voicebot.__file__).parent / "samples" / "question.wav")
ASKED = "capital of France"
NO_MODEL = __file__
NOBODY = "http://127.0.0.1:9"
"""Nothing listens there."""

# --- voice activity ---


@pytest.mark.engine
@pytest.mark.usefixtures("with_models")
class TestSilero(VADConformance):
    context: ProviderContext
    speech = QUESTION

    def make(self, **settings: Any) -> SileroVAD:
        return SileroVAD(SileroConfig(**settings), self.context)

    def make_broken(self) -> SileroVAD:
        return self.make(model=NO_MODEL)


# --- speech to text ---


@pytest.mark.engine
@pytest.mark.usefixtures("with_models")
class TestFasterWhisper(STTConformance):
    context: ProviderContext
    speech = QUESTION
    words = ASKED

    def make(self, model: str = "whisper-tiny.en-ct2") -> FasterWhisperSTT:
        return FasterWhisperSTT(FasterWhisperConfig(model=model), self.context)

    def make_broken(self) -> FasterWhisperSTT:
        return self.make(NO_MODEL)


@pytest.mark.engine
@pytest.mark.usefixtures("with_models")
class TestWhisperCpp(STTConformance):
    context: ProviderContext
    speech = QUESTION
    words = ASKED

    def make(self, model: str = "whisper-tiny.en-ggml-q8_0") -> WhisperCppSTT:
        return WhisperCppSTT(WhisperCppConfig(model=model), self.context)

    def make_broken(self) -> WhisperCppSTT:
        return self.make(NO_MODEL)


class TestTranscriptions(STTConformance):
    speech = QUESTION
    words = ASKED
    interim_interval_ms = 0

    @pytest.fixture(autouse=True)
    def given(self, transcriptions: str) -> None:
        self.url = transcriptions

    def make(self) -> OpenAISTT:
        return self.at(self.url)

    def make_broken(self) -> OpenAISTT:
        return self.at(NOBODY)

    def at(self, url: str) -> OpenAISTT:
        values = {"model": "whisper-large-v3", "interim_interval_ms": self.interim_interval_ms}
        return OpenAISTT(OpenAISTTConfig.model_validate({"base_url": f"{url}/v1", **values}), context())


class TestTranscriptionsWithInterims(TestTranscriptions):
    interim_interval_ms = 50


@pytest.fixture(scope="module")
def transcriptions() -> Iterator[str]:
    with served(transcription.app(text="What is the capital of France?")) as url:
        yield url


# --- end of turn ---


class TestSilence(EndOfTurnConformance):
    def make(self) -> SilenceTurn:
        return SilenceTurn(SilenceConfig(), context())


@pytest.mark.engine
@pytest.mark.usefixtures("with_models")
class TestSmart(EndOfTurnConformance):
    context: ProviderContext

    def make(self, **settings: Any) -> SmartTurn:
        return SmartTurn(SmartConfig(**settings), self.context)

    def make_broken(self) -> SmartTurn:
        return self.make(model=NO_MODEL)
