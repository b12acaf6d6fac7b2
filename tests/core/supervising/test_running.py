"""The note by which a server is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.supervising.running import Note, noted, read_note, running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "voicebot"


def test_a_server_is_found_while_it_runs(folder: Path) -> None:
    assert running() == {}
    with noted("/p.yaml", 30.0) as keeper:
        ((path, note),) = running().items()
        assert (note.pid, note.profile, note.state, note.calls_on, note.drain_s) == (
            os.getpid(),
            "/p.yaml",
            "serving",
            0,
            30.0,
        )
        assert path.parent == folder
        keeper.update("draining", 3)
        ((path, note),) = running().items()
        assert (note.state, note.calls_on) == ("draining", 3)
    assert list(folder.iterdir()) == []


def test_one_that_was_killed_is_not_there_and_its_note_goes(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        note = Note(pid=process.pid, started_s=psutil.Process(process.pid).create_time(), profile="/p.yaml")
        assert note.alive
        # Another process has got the number since.
        assert not note.model_copy(update={"started_s": note.started_s - 60}).alive
        process.kill()
    assert not note.alive
    folder.mkdir()
    (folder / "run-7.json").write_text(note.model_dump_json())
    assert running() == {}
    with noted("/p.yaml", 30.0):
        assert [path.name for path in folder.iterdir()] == [f"run-{os.getpid()}.json"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_any_file_is_a_note_or_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "run-1.json").write_bytes(data)
    assert read_note(tmp_path / "run-1.json") is None


def test_without_a_folder_it_runs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "voicebot").write_text("")
    with noted("/p.yaml", 30.0) as keeper:
        keeper.update("draining", 3)
    assert "will not see this server" in caplog.text


def test_a_folder_that_goes_costs_no_call(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with noted("/p.yaml", 30.0) as keeper:
        (folder / f"run-{os.getpid()}.json").unlink()
        folder.rmdir()
        keeper.update("draining", 3)
        keeper.update("draining", 2)
    assert caplog.text.count("will not see this server") == 1
