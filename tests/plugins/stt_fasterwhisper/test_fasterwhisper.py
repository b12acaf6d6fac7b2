"""What only this engine does; what both Whisper engines do is in tests/core/recognition/test_engines.py."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from pydantic import ValidationError

from voicebot.audio import to_float
from voicebot.errors import EngineError
from voicebot.models import ModelStore
from voicebot.recognition import FULL_CONTEXT
from voicebot.wav import read_wav
from voicebot_stt_fasterwhisper import FasterWhisperConfig


def load(store: ModelStore, model: str, language: str = "en"):  # type: ignore[no-untyped-def]
    from voicebot_stt_fasterwhisper.engine import WhisperEngine

    return WhisperEngine(
        store.path(model),
        device="cpu",
        compute_type="int8",
        threads=1,
        replicas=1,
        language=language,
        initial_prompt="",
    )


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


@pytest.mark.engine
def test_the_full_context_writes_what_faster_whisper_writes(model_store: ModelStore) -> None:
    from faster_whisper import WhisperModel

    speech = read_wav(model_store.path("sample-human-speech")).samples
    library = WhisperModel(str(model_store.path("whisper-tiny.en-ct2")), device="cpu", compute_type="int8")
    segments, _ = library.transcribe(to_float(speech), beam_size=1, without_timestamps=True, temperature=0)
    engine = load(model_store, "whisper-tiny.en-ct2")
    expected = "".join(segment.text for segment in segments)
    # The library fills the window up with zeros after the logarithm, we before it, as OpenAI does: commas differ.
    assert words(engine.decode(speech, FULL_CONTEXT, 72).text) == words(expected)


@pytest.mark.engine
def test_the_silence_behind_the_speech_is_encoded_once(
    model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load(model_store, "whisper-tiny.en-ct2")
    speech = read_wav(model_store.path("sample-human-speech")).samples[:48_000]
    encoded: list[int] = []
    features = engine._features

    def watched(samples, positions):  # type: ignore[no-untyped-def]
        encoded.append(positions)
        return features(samples, positions)

    monkeypatch.setattr(engine, "_features", watched)
    assert "fellow Americans" in engine.decode(speech, 512, 24).text
    assert encoded == [512, 256]
    assert "fellow Americans" in engine.decode(speech, 512, 24).text
    assert encoded == [512, 256, 256]
    # A text that does not end is decoded again, with the silence that is behind it.
    assert not engine.decode(speech, 512, 3).complete
    assert encoded[3:] == [256, 512]


@pytest.mark.engine
@pytest.mark.parametrize("answers", [[True], [False, True]], ids=["before", "after the encoder"])
def test_a_transcription_can_be_given_up(model_store: ModelStore, answers: list[bool]) -> None:
    speech = read_wav(model_store.path("sample-human-speech")).samples[:48_000]
    engine = load(model_store, "whisper-tiny.en-ct2")
    left = list(answers)
    with pytest.raises(EngineError, match="given up"):
        engine.decode(speech, 512, 24, lambda: left.pop(0))
    assert left == []
    assert "fellow Americans" in engine.decode(speech, 512, 24).text


@pytest.mark.engine
def test_a_multilingual_model_takes_the_calls_language(model_store: ModelStore) -> None:
    speech = read_wav(model_store.path("sample-human-speech")).samples
    found = load(model_store, "whisper-base-ct2", "de").decode(speech[:48_000], 768, 24)
    assert found.language == "de"
    with pytest.raises(EngineError, match="does not know"):
        load(model_store, "whisper-base-ct2", "xx")


def test_a_context_that_loops_cannot_be_configured() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 512"):
        FasterWhisperConfig(context_interim=400)


def test_importing_the_plugin_does_not_import_the_engine() -> None:
    program = "import sys, voicebot_stt_fasterwhisper; sys.exit('ctranslate2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=100).returncode == 0
