"""`voicebot calls`: looking at what is kept, exporting it, deleting it."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from voicebot.audio import AudioChunk
from voicebot.cli import main
from voicebot.errors import VoicebotError
from voicebot.keeping import CallStore, KeptCall
from voicebot.keeping.store import prepare
from voicebot.keeping.writing import Audio, Line, Writer
from voicebot.profile import load_profile

from .support import OPENED

DAY_S = 86_400
PROFILE = """
vad: silero
stt: fasterwhisper
llm: stub
tts: espeak
transport: {use: wav, input: in.wav, output: out.wav}
keep: {audit: true, transcripts: true, consent: given, days: 10}
"""


def keep(folder: Path, call_id: str, *, age_days: float = 0.0, audio: bool = True) -> None:
    folder.mkdir(exist_ok=True)
    writer = Writer(folder, call_id, opened_s=0.0, logs=True, records=audio)
    lines = [
        Line.of(0.0, OPENED),
        Line(0.5, "call_started", None, {"call_id": call_id}),
        Line(1.5, "user_speech_started"),
        Line(3.0, "user_transcript", 1, {"text": "What time\nis it?\x1b[2J", "final": True}),
        Line(3.2, "agent_turn_started", 1),
        Line(65.0, "agent_turn_ended", 1, {"text": "A. B.", "heard_text": "A.", "reason": "interrupted"}),
        Line(66.0, "call_ended", None, {"reason": "hung_up"}),
    ]
    writer.write(lines, [Audio("user", 1.0, AudioChunk(np.ones(16_000, np.int16), 16_000))] * audio)
    writer.end(1.0)
    for path in folder.glob(f"{call_id}.call.*"):
        os.utime(path, (time.time() - age_days * DAY_S,) * 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three calls, and files that are nobody's business here."""
    calls = tmp_path / "calls"
    keep(calls, "new-call")
    keep(calls, "middle", age_days=5, audio=False)
    keep(calls, "old_call", age_days=20)
    for name in ("music.ogg", "report.json", "bad name.call.ogg", ".call.jsonl"):
        (calls / name).write_text("mine")
        os.utime(calls / name, (0, 0))
    (calls / "linked.call.ogg").symlink_to(calls / "music.ogg")
    (calls / "folder.call.ogg").mkdir()
    return calls


@pytest.fixture
def profile(folder: Path, tmp_path: Path) -> Path:
    file = tmp_path / "agent.yaml"
    file.write_text(PROFILE)
    return file


def ids(folder: Path) -> list[str]:
    return [call.id for call in CallStore(folder).calls()]


def foreign(folder: Path) -> set[str]:
    known = ("new-call", "middle", "old_call")
    return {path.name for path in folder.iterdir() if not path.name.startswith(known)}


def test_list(folder: Path, profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", "list", "--profile", str(profile)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out if line] == ["CALL", "old_call", "middle", "new-call"]
    assert "2025-01-31 12:00:00" in out[1]
    assert main(["calls", "list", "--folder", str(folder), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["turns"], row["seconds"], row["state"]) for row in rows] == [
        ("old_call", 1, 66.0, ""),
        ("middle", 1, 66.0, ""),
        ("new-call", 1, 66.0, ""),
    ]
    assert [row["recording"] is not None for row in rows] == [True, False, True]


def test_list_where_nothing_was_ever_kept(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile.write_text(PROFILE.replace("days: 10", "folder: nowhere"))
    assert main(["calls", "list", "--profile", str(profile), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_show(folder: Path, profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", "show", "middle", "--profile", str(profile)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "middle  2025-01-31 12:00:00 UTC  profile test",
        "00:01.5  user   What time is it? [2J",
        "00:03.2  agent  A. (interrupted)",
    ]
    assert main(["calls", "show", "middle", "--profile", str(profile), "--json"]) == 0
    assert len([json.loads(line) for line in capsys.readouterr().out.splitlines()]) == 7


def test_show_of_a_log_that_was_cut_off_or_tampered_with(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "middle.call.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert main(["calls", "show", "middle", "--folder", str(folder)]) == 0
    assert "torn" in capsys.readouterr().err
    main(["calls", "list", "--folder", str(folder)])
    assert "cut off" in capsys.readouterr().out
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"\xff\xfe\x00\n", *lines[3:]]))
    assert main(["calls", "show", "middle", "--folder", str(folder)]) == 1
    err = capsys.readouterr().err
    assert "line 2: no JSON" in err
    assert "line 3: it says that it is line 3; 1 should follow" in err


def test_export(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "call.zip"
    assert main(["calls", "export", "new-call", "--folder", str(folder), "--output", str(target)]) == 0
    with zipfile.ZipFile(target) as archive:
        assert sorted(archive.namelist()) == ["new-call.call.jsonl", "new-call.call.ogg"]
        assert archive.read("new-call.call.ogg") == (folder / "new-call.call.ogg").read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600
    assert (
        main(["calls", "export", "new-call", "--folder", str(folder), "-o", str(tmp_path / "no/a.zip")]) == 2
    )
    assert "cannot be written" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["call.zip", "calls"]


def test_delete(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = foreign(folder)
    assert main(["calls", "delete", "middle", "nwe-call", "--folder", str(folder)]) == 2
    assert "Did you mean new-call?" in capsys.readouterr().err
    assert ids(folder) == ["old_call", "middle", "new-call"], "a wrong id deletes nothing"
    assert main(["calls", "delete", "middle", "new-call", "--folder", str(folder)]) == 0
    assert capsys.readouterr().out == "2 calls deleted\n"
    assert ids(folder) == ["old_call"]
    assert main(["calls", "delete", "--before", "7", "--folder", str(folder)]) == 0
    assert ids(folder) == []
    assert foreign(folder) == before == {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    "name", ["../agent", "linked", "folder", "music", "", ".", "bad name", "middle.call"]
)
def test_what_is_no_kept_call_is_not_touched(folder: Path, name: str) -> None:
    before = sorted(folder.iterdir())
    assert main(["calls", "delete", name, "--folder", str(folder)]) == 2
    assert sorted(folder.iterdir()) == before


def test_prune_follows_the_profile(folder: Path, profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", "prune", "--profile", str(profile)]) == 0
    assert capsys.readouterr().out == "1 calls deleted\n"
    assert ids(folder) == ["middle", "new-call"]


def test_a_start_deletes_what_is_too_old(folder: Path, profile: Path) -> None:
    prepare(load_profile(str(profile), environ={}))
    assert ids(folder) == ["middle", "new-call"]


def test_a_full_disk_is_no_reason_to_take_no_calls_and_what_is_too_old_makes_room(
    folder: Path, profile: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    prepare(load_profile(str(profile), environ={}))
    assert ids(folder) == ["middle", "new-call"]
    assert "No space left" in caplog.text


def test_without_a_limit_nothing_is_deleted_by_itself(folder: Path) -> None:
    assert CallStore(folder).prune(None) == 0
    assert len(ids(folder)) == 3


def test_among_many_calls_it_is_looked_for_old_ones_once_an_hour(folder: Path) -> None:
    store = CallStore(folder)
    assert store.prune_when_due(10, 50.0) == 1
    keep(folder, "old-again", age_days=20)
    assert CallStore(folder).prune_when_due(10, 3_649.0) == 0
    assert CallStore(folder).prune_when_due(10, 3_650.0) == 1
    assert ids(folder) == ["middle", "new-call"]


def test_the_end_of_a_call_tidies_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise VoicebotError("cannot be deleted")

    tidied: list[str] = []
    for tidy in (lambda: tidied.append("once"), fail):
        Writer(tmp_path, "c", opened_s=0.0, logs=False, records=False, tidy=tidy).end(1.0)
    assert tidied == ["once"]
    assert [record.message for record in caplog.records] == ["cannot be deleted"]


def test_two_that_delete_at_once(folder: Path) -> None:
    store = CallStore(folder)
    calls: list[KeptCall] = store.calls()
    assert store.delete(calls) == 3
    assert store.delete(calls) == 3
    assert ids(folder) == []


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "--profile", "a", "--folder", "b"], ["show", "x"], ["delete", "--folder", "."]],
    ids=" ".join,
)
def test_whose_calls_must_be_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", *arguments]) == 2
    assert "Say w" in capsys.readouterr().err


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", "list", "--folder", str(tmp_path / "gone")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
