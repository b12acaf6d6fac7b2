"""Our own language models and voices pass the checks that we ask of others'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.served import served

from voicebot.interfaces import ProviderContext
from voicebot.testing import context
from voicebot.testing.conformance import LLMConformance, TTSConformance
from voicebot.testing.fakes import groq, opentts
from voicebot_llm_groq import GroqConfig, GroqLLM
from voicebot_llm_llamacpp import LlamaCppConfig, LlamaCppLLM
from voicebot_llm_openai import OpenAIConfig, OpenAILLM
from voicebot_llm_stub import StubConfig, StubLLM
from voicebot_tts_espeak import EspeakConfig, EspeakTTS
from voicebot_tts_opentts import OpenTTS, OpenTTSConfig
from voicebot_tts_piper import PiperConfig, PiperTTS

NO_MODEL = __file__
NOBODY = "http://127.0.0.1:9"
"""Nothing listens there."""

# --- language models ---


@pytest.mark.engine
@pytest.mark.usefixtures("with_models")
class TestLlamaCpp(LLMConformance):
    context: ProviderContext

    def make(self, **settings: Any) -> LlamaCppLLM:
        # Short answers show as much as long ones.
        return LlamaCppLLM(LlamaCppConfig(examples=[], max_tokens=12, **settings), self.context)

    def make_broken(self) -> LlamaCppLLM:
        return self.make(model=NO_MODEL)


class TestStub(LLMConformance):
    def make(self, **settings: Any) -> StubLLM:
        return StubLLM(StubConfig(ttft_ms=2, tokens_per_s=5000, **settings), context())

    def make_broken(self) -> StubLLM:
        return self.make(misbehave="error")


class TestGroq(LLMConformance):
    @pytest.fixture(autouse=True)
    def given(self, groq_url: str) -> None:
        self.url = groq_url

    def make(self) -> GroqLLM:
        return self.at(self.url)

    def make_broken(self) -> GroqLLM:
        return self.at(NOBODY)

    def at(self, url: str) -> GroqLLM:
        return GroqLLM(GroqConfig.model_validate({"base_url": url, "api_key": "gsk_fake"}), context())


class TestOpenAI(LLMConformance):
    """At the same server, whose API is OpenAI's."""

    @pytest.fixture(autouse=True)
    def given(self, groq_url: str) -> None:
        self.url = groq_url

    def make(self) -> OpenAILLM:
        return self.at(self.url)

    def make_broken(self) -> OpenAILLM:
        return self.at(NOBODY)

    def at(self, url: str) -> OpenAILLM:
        values = {"base_url": f"{url}/openai/v1", "api_key": "gsk_fake", "model": groq.MODELS[0]}
        return OpenAILLM(OpenAIConfig.model_validate(values), context(system_prompt="You are brief."))


@pytest.fixture(scope="module")
def groq_url() -> Iterator[str]:
    with served(groq.app(tokens_per_s=500)) as url:
        yield url


# --- text to speech ---


class TestEspeak(TTSConformance):
    varies = 0.1

    def make(self, **settings: Any) -> EspeakTTS:
        return EspeakTTS(EspeakConfig(**settings), context())

    def make_broken(self) -> EspeakTTS:
        return self.make(voice="nobody")


@pytest.mark.engine
@pytest.mark.usefixtures("with_models")
class TestPiper(TTSConformance):
    context: ProviderContext
    varies = 0.5

    def make(self, **settings: Any) -> PiperTTS:
        return PiperTTS(PiperConfig(**settings), self.context)

    def make_broken(self) -> PiperTTS:
        return self.make(voice=NO_MODEL)


class TestOpenTTS(TTSConformance):
    varies = 0.1

    @pytest.fixture(autouse=True)
    def given(self, opentts_url: str) -> None:
        self.url = opentts_url

    def make(self) -> OpenTTS:
        return self.at(self.url)

    def make_broken(self) -> OpenTTS:
        return self.at(NOBODY)

    def at(self, url: str) -> OpenTTS:
        return OpenTTS(OpenTTSConfig(base_url=url, voice="coqui-tts:en_ljspeech"), context())


@pytest.fixture(scope="module")
def opentts_url() -> Iterator[str]:
    with served(opentts.app()) as url:
        yield url
