from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from voicebot.cli import main

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_MODELS_DIR", str(tmp_path / "models"))


def test_ready(profile_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = profile_file.with_name("weights.gguf")
    weights.write_bytes(b"")
    profile_file.write_text(profile_file.read_text().replace("model: first", "model: ./weights.gguf"))
    assert main(["check", "--profile", str(profile_file)]) == 0
    shown = capsys.readouterr().out
    assert "Ready." in shown
    assert "./weights.gguf, your own" in shown
    for kind in ("vad", "stt", "turn", "llm", "tts", "transport"):
        assert kind in shown


def test_a_missing_model_and_a_missing_engine_are_exit_code_1(
    profile_file: Path, make_distribution: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (
        "from demo_plugin import Tts\nfrom voicebot.interfaces import Capabilities\n"
        "class X(Tts):\n  capabilities = Capabilities(modules=('no_such_engine',), extra='piper', needs_network=True)"
    )
    make_distribution(
        "lacking", {"voicebot.tts": {"lacking": "lacking_plugin:X"}}, {"lacking_plugin": source}
    )
    text = profile_file.read_text().replace("model: first", "model: silero-vad")
    profile_file.write_text(text.replace("tts: demo", "tts: [demo, lacking]"))
    assert main(["check", "--profile", str(profile_file)]) == 1
    shown = capsys.readouterr().out
    assert "silero-vad, 2.3 MB, MISSING" in shown
    assert "voicebot models pull silero-vad" in shown
    assert "lacking (fallback)" in shown
    assert "pip install 'voicebot-kit[piper]'" in shown
    assert "Not ready." in shown

    assert main(["check", "--profile", str(profile_file), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["ready"], report["profile"]) == (False, str(profile_file))
    rows = {(row["kind"], row["name"]): row for row in report["plugins"]}
    assert rows["llm", "demo"]["models"][0]["present"] is False
    assert rows["llm", "demo"]["threads"] == 2
    assert rows["llm", "demo"]["distribution"] == "demo-plugin"
    assert rows["tts", "lacking"]["fallback"]
    assert rows["tts", "lacking"]["needs_network"]
    assert rows["stt", "demo"]["problems"] == []


def test_a_wrong_profile_is_exit_code_2(profile_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile_file.write_text(profile_file.read_text().replace("stt: demo", "stt: dmo"))
    assert main(["check", "--profile", str(profile_file)]) == 2
    captured = capsys.readouterr()
    assert f"{profile_file}:2: stt: there is no stt plugin 'dmo'; did you mean 'demo'?" in captured.err
    assert captured.out == ""


def test_an_unknown_profile_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--profile", "lokal"]) == 2
    assert "did you mean 'local'?" in capsys.readouterr().err


def test_a_variable_overrides(
    profile_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEBOT_LLM", "other")
    assert main(["check", "--profile", str(profile_file), "--json"]) == 0
    assert "other" in {row["name"] for row in json.loads(capsys.readouterr().out)["plugins"]}
