"""`voicebot call --record` and `voicebot replay`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.core.replaying.conftest import Profiled

from voicebot.cli.main import main
from voicebot.report import CallReport
from voicebot.wav import read_wav


def test_a_call_is_recorded_and_replayed(profiled: Profiled, capsys: pytest.CaptureFixture[str]) -> None:
    folder = profiled().profile.base_dir
    profile = str(folder / "agent.yaml")
    wav = ["-i", str(folder / "in.wav"), "-o", str(folder / "out.wav")]
    record = str(folder / "bug.vbcall")
    assert main(["call", "-p", profile, *wav, "--record", record, "--fast", "--quiet"]) == 0
    assert sorted(path.name for path in folder.glob("*bug*")) == ["bug.vbcall"]
    heard = str(folder / "heard.wav")
    assert main(["replay", record, "--log", str(folder / "log.jsonl"), "--output", heard]) == 0
    printed = capsys.readouterr().out
    assert "Tomorrow will be sunny" in printed
    assert "voice_to_voice" in printed
    assert "interrupted (words)" in printed
    assert printed.endswith("the same conversation\n")
    names = [json.loads(line)["name"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert names[0] == "call_started"
    assert names[-1] == "call_ended"
    assert read_wav(heard).samples.any()


def test_another_model_is_another_conversation(
    call: tuple[Path, CallReport], profiled: Profiled, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = str(profiled("{use: scripted, replies: [Nine o-clock.]}").profile.base_dir / "agent.yaml")
    command = ["replay", str(call[0]), "--profile", profile, "--replace", "llm", "--fast"]
    assert main(command) == 1
    printed = capsys.readouterr().out
    assert "[-It is a quarter past four in the afternoon.-] {+Nine o-clock.+}" in printed
    assert "other words of it stand in" in printed
    assert "the first event that differs, call:" in printed
    assert main([*command, "--json", "-"]) == 1
    assert not json.loads(capsys.readouterr().out)["same"]


def test_other_settings_are_tried_with_the_recorded_engines(
    call: tuple[Path, CallReport],
    profiled: Profiled,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = str(profiled().profile.base_dir / "agent.yaml")
    monkeypatch.setenv("VOICEBOT_INTERRUPTION__ENABLED", "false")
    assert main(["replay", str(call[0]), "--profile", profile, "--replace", "settings", "--json", "-"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert len(found["interruptions"]["before"]) == 2
    assert found["interruptions"]["now"] == []


def test_a_redacted_copy_is_replayed(
    call: tuple[Path, CallReport], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = str(tmp_path / "copy.vbcall")
    assert main(["replay", str(call[0]), "--redact", copy]) == 0
    assert main(["replay", copy]) == 0
    assert "sunny" not in capsys.readouterr().out


def test_mistakes_are_named(
    call: tuple[Path, CallReport], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(tmp_path / "none.vbcall")]) == 2
    assert "There is no file" in capsys.readouterr().err
    assert main(["replay", str(call[0]), "--replace", "llm"]) == 2
    assert "--replace needs --profile" in capsys.readouterr().err
    assert main(["replay", str(call[0]), "--log", str(tmp_path / "none" / "log")]) == 2
    assert "cannot be written" in capsys.readouterr().err
