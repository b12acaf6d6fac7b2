"""A user's mistake is one clear message and exit code 2, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicebot.cli import main

PROFILE = """\
vad: silero
stt: {use: fasterwhisper, model: whisper-tiny.en-ct2}
llm: llamacpp
tts: espeak
transport: {use: wav, input: in.wav, output: out.wav}
"""

Run = Callable[[str], str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs `voicebot call` on the profile; what it says on standard error."""
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "in.wav", np.zeros(16_000), 16_000)

    def call(profile: str) -> str:
        (tmp_path / "agent.yaml").write_text(profile)
        assert main(["call", "-p", "agent.yaml", "-i", "in.wav", "-o", "out.wav", "--fast"]) == 2
        said = capfd.readouterr().err
        assert "Traceback" not in said
        assert said.startswith("Error: ")
        return said

    return call


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"hello, I am not audio at all" * 9, "not a WAV"),
        (None, "no file"),
    ],
    ids=["empty", "text", "missing"],
)
def test_the_input(run: Run, tmp_path: Path, content: bytes | None, complaint: str) -> None:
    file = tmp_path / "in.wav"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    said = run(PROFILE)
    assert "in.wav" in said
    assert complaint in said


def test_a_truncated_input(run: Run, tmp_path: Path) -> None:
    whole = (tmp_path / "in.wav").read_bytes()
    (tmp_path / "in.wav").write_bytes(whole[: len(whole) // 2])
    said = run(PROFILE)
    assert "in.wav" in said
    assert "cut short: 0.499 s are there of the 1.000 s" in said


def test_a_missing_model(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_MODELS_DIR", str(tmp_path / "nothing"))
    assert "voicebot models pull" in run(PROFILE)


@pytest.mark.engine
def test_a_model_that_does_not_match_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from voicebot.models import ModelStore

    good = ModelStore().path("silero-vad").read_bytes()
    monkeypatch.setenv("VOICEBOT_MODELS_DIR", str(tmp_path))
    file = Path(tmp_path / "silero-vad" / "silero_vad.onnx")
    file.parent.mkdir()
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert main(["models", "verify", "silero-vad"]) == 2
    said = capfd.readouterr().err
    assert "silero_vad.onnx" in said
    assert "sha256" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("old", "new", "complaints"),
    [
        ("tts: espeak", "tts: espaek", ["agent.yaml:4", "espaek", "espeak"]),
        ("model: whisper", "modle: whisper", ["agent.yaml:2", "modle", "model"]),
        ("tts: espeak", "tts: espeak\nagnet: {}", ["agent.yaml:5", "agnet", "agent"]),
        (
            "llm: llamacpp",
            "llm: {use: llamacpp, model: '${NO_SUCH_VARIABLE}'}",
            ["agent.yaml:3", "NO_SUCH_VARIABLE"],
        ),
        ("whisper-tiny.en-ct2", "whisper-tiny-ct2", ["whisper-tiny.en-ct2"]),
        ("vad: silero", "vad: [silero", ["agent.yaml:"]),
    ],
    ids=["plugin", "key", "section", "variable", "model", "syntax"],
)
def test_the_profile(run: Run, old: str, new: str, complaints: list[str]) -> None:
    said = run(PROFILE.replace(old, new))
    for complaint in complaints:
        assert complaint in said


def test_an_extra_that_is_not_installed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "piper" else find_spec(name, *rest)
    )
    said = run(PROFILE.replace("tts: espeak", "tts: piper"))
    assert "pip install 'voicebot-kit[piper]'" in said


def test_an_output_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out.wav").mkdir()
    assert "out.wav" in run(PROFILE)
