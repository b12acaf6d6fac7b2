"""What only whisper.cpp does; what both Whisper engines do is in tests/core/recognition/test_engines.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

from voicebot.errors import EngineError
from voicebot.models import ModelStore
from voicebot.recognition import FULL_CONTEXT
from voicebot.wav import read_wav

MODEL = "whisper-tiny.en-ggml-q8_0"


@pytest.mark.engine
def test_a_transcription_can_be_given_up_midway(
    model_store: ModelStore, capfd: pytest.CaptureFixture[str]
) -> None:
    from voicebot_stt_whispercpp.engine import WhisperCppEngine

    speech = read_wav(model_store.path("sample-human-speech")).samples
    engine = WhisperCppEngine(
        model_store.path(MODEL), threads=1, use_gpu=False, language="en", initial_prompt=""
    )
    asked = 0

    def give_up() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(EngineError):
        engine.decode(speech, 512, 72, give_up)
    assert asked >= 4
    assert "fellow Americans" in engine.decode(speech[:48_000], FULL_CONTEXT, 24).text
    engine.close()
    engine.close()
    with pytest.raises(EngineError):
        engine.decode(speech, 512, 72)
    assert capfd.readouterr() == ("", "")


@pytest.mark.engine
def test_a_process_that_used_it_ends_in_order(model_store: ModelStore) -> None:
    """Its log callback, left in place, aborts the interpreter on exit."""
    program = (
        "import sys; from pathlib import Path; from voicebot_stt_whispercpp.engine import WhisperCppEngine as E;"
        "E(Path(sys.argv[1]), threads=1, use_gpu=False, language='en', initial_prompt='')"
    )
    command = [sys.executable, "-c", program, str(model_store.path(MODEL))]
    ended = subprocess.run(command, capture_output=True, timeout=100)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_importing_the_plugin_does_not_import_the_engine() -> None:
    program = "import sys, voicebot_stt_whispercpp; sys.exit('_pywhispercpp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=100).returncode == 0
