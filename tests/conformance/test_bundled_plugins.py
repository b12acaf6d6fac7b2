"""Our own plugins pass the checks that we ask of others'."""

from __future__ import annotations

import pytest

from voicebot.audio import AudioChunk, resample
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot.testing.conformance import check_end_of_turn, check_llm, check_stt, check_tts, check_vad
from voicebot.wav import read_wav


@pytest.fixture(scope="module")
def provider_context(model_store: ModelStore) -> ProviderContext:
    return ProviderContext(models=model_store, threads=2)


@pytest.fixture(scope="module")
def speech(model_store: ModelStore) -> AudioChunk:
    """A person: "Ask not what your country can do for you", the first four seconds, 16 kHz."""
    recording = read_wav(model_store.path("sample-human-speech"))
    samples = resample(recording.samples, recording.sample_rate, 16_000)
    return AudioChunk(samples[: 4 * 16_000], 16_000)


@pytest.mark.engine
def test_silero(provider_context: ProviderContext, speech: AudioChunk) -> None:
    from voicebot_vad_silero import SileroConfig, SileroVAD

    check_vad(lambda: SileroVAD(SileroConfig(), provider_context), speech)


@pytest.mark.engine
def test_fasterwhisper(provider_context: ProviderContext, speech: AudioChunk) -> None:
    from voicebot_stt_fasterwhisper import FasterWhisperConfig, FasterWhisperSTT

    config = FasterWhisperConfig(model="whisper-tiny.en-ct2")
    check_stt(lambda: FasterWhisperSTT(config, provider_context), speech, "fellow Americans")


@pytest.mark.engine
def test_whispercpp(provider_context: ProviderContext, speech: AudioChunk) -> None:
    from voicebot_stt_whispercpp import WhisperCppConfig, WhisperCppSTT

    config = WhisperCppConfig(model="whisper-tiny.en-ggml-q8_0")
    check_stt(lambda: WhisperCppSTT(config, provider_context), speech, "fellow Americans")


@pytest.mark.engine
def test_llamacpp(provider_context: ProviderContext) -> None:
    from voicebot_llm_llamacpp import LlamaCppConfig, LlamaCppLLM

    check_llm(lambda: LlamaCppLLM(LlamaCppConfig(), provider_context))


def test_espeak(provider_context: ProviderContext) -> None:
    from voicebot_tts_espeak import EspeakConfig, EspeakTTS

    check_tts(lambda: EspeakTTS(EspeakConfig(), provider_context))


@pytest.mark.engine
def test_piper(provider_context: ProviderContext) -> None:
    from voicebot_tts_piper import PiperConfig, PiperTTS

    check_tts(lambda: PiperTTS(PiperConfig(), provider_context))


def test_silence(provider_context: ProviderContext) -> None:
    from voicebot_turn_silence import SilenceConfig, SilenceTurn

    check_end_of_turn(lambda: SilenceTurn(SilenceConfig(), provider_context))
