"""Files on disks that are full, slow or gone, and of writers that are killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from voicebot.keeping.files import AudioFile, LineFile, free_stem, is_stem, stem_of
from voicebot.keeping.mixing import RECORDING_RATE
from voicebot.keeping.reading import AuditLog, read_log
from voicebot.keeping.writing import Line, Writer

from .support import OPENED, FullDisk, talk

ROOT = Path(__file__).parents[3]


def writer(folder: Path, **options: object) -> Writer:
    given = {"opened_s": 0.0, "logs": True, "records": True} | options
    return Writer(folder, "call-1", **given)  # type: ignore[arg-type]


def clause(n: int) -> Line:
    return Line(float(n), "agent_clause", 1, {"text": f"clause {n}"})


def log_in(folder: Path) -> AuditLog:
    return read_log(folder / "call-1.call.jsonl")


def names(log: AuditLog) -> list[str]:
    return [line.name for line in log.lines]


def test_a_call_leaves_a_log_and_a_recording_for_its_owner_alone(tmp_path: Path) -> None:
    kept = writer(tmp_path)
    kept.write([Line.of(0.0, OPENED)], [])
    kept.write([clause(1)], talk(5))
    kept.end(5.0)
    log = log_in(tmp_path)
    assert log.whole
    assert not log.torn
    assert names(log) == ["call_opened", "agent_clause", "recording_started", "recording_stopped"]
    assert log.lines[-1].data == {"reason": "ended", "message": "", "seconds": 5.0}
    audio, rate = soundfile.read(tmp_path / "call-1.call.ogg")
    assert (audio.shape, rate) == ((5 * RECORDING_RATE, 2), RECORDING_RATE)
    assert abs(audio).mean(axis=0).min() > 0.03
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_recording_grows_while_it_is_made_and_can_be_played_as_soon_as_it_is_there(tmp_path: Path) -> None:
    kept, path = writer(tmp_path), tmp_path / "call-1.call.ogg"
    readable = []
    for second in range(8):
        kept.write([], talk(1, second))
        readable.append(soundfile.info(path).duration if path.exists() else 0.0)
    kept.end(8.0)
    assert readable == sorted(readable)
    assert readable[0] == 0
    assert readable[-1] > 4


def test_a_second_call_of_the_same_name_gets_files_of_its_own(tmp_path: Path) -> None:
    for _ in range(3):
        kept = writer(tmp_path, records=False)
        kept.write([Line.of(0.0, OPENED)], [])
        kept.end(1.0)
    stems = [f"call-1{number}.call.jsonl" for number in ("", "-2", "-3")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stems)


@pytest.mark.parametrize(
    "call_id", ["../../etc/passwd", "a b", "", "x" * 101, "é", "a/b", "\ud800", ".", "a\n"]
)
def test_an_id_from_outside_names_no_other_file(call_id: str, tmp_path: Path) -> None:
    assert is_stem(stem_of(call_id))
    assert stem_of(call_id) != call_id
    assert is_stem(free_stem(tmp_path, call_id))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "call-1.call.jsonl").symlink_to(victim)
    kept = writer(tmp_path, records=False)
    kept.write([Line.of(0.0, OPENED)], [])
    kept.end(1.0)
    assert victim.read_text() == "mine"
    with pytest.raises(FileExistsError):
        LineFile(tmp_path / "call-1.call.jsonl")


def test_on_a_full_disk_the_recording_stops_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = FullDisk(60_000)
    kept = writer(tmp_path, open_file=disk)
    for second in range(15):
        kept.write([clause(second)], talk(1, second))
    kept.end(15.0)
    log = log_in(tmp_path)
    assert log.whole
    stopped = [line for line in log.lines if line.name == "recording_stopped"]
    assert [line.data["reason"] for line in stopped] == ["disk"]
    assert "No space left" in stopped[0].data["message"]
    assert soundfile.info(tmp_path / "call-1.call.ogg").duration > 1
    assert len(caplog.records) == 1


def test_lines_that_a_full_disk_did_not_take_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = FullDisk(300)
    kept = writer(tmp_path, records=False, open_file=disk)
    for n in range(10):
        kept.write([clause(n)], [])
    disk.room = 10_000
    kept.write([clause(10)], [])
    kept.end(11.0)
    log = log_in(tmp_path)
    assert log.whole
    lost = [line.data["lost"] for line in log.lines if line.name == "lines_lost"]
    written = [line.data["text"] for line in log.lines if line.name == "agent_clause"]
    assert len(lost) == 1
    assert 0 < len(written) < 11
    assert lost[0] + len(written) == 11
    assert written[-1] == "clause 10"
    assert len(caplog.records) == 1


def test_a_folder_that_is_gone_costs_nothing_but_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = writer(tmp_path / "gone")
    kept.write([Line.of(0.0, OPENED)], talk(1))
    kept.write([clause(1)], talk(1, 1))
    kept.end(2.0)
    assert len(caplog.records) == 2  # one of the log, one of the recording


def test_a_limit_of_the_system_leaves_whole_lines_and_whole_pages(tmp_path: Path) -> None:
    """The kernel takes a part of a line or page, and then no more."""
    script = """
import resource, sys
from pathlib import Path
from tests.core.keeping.support import talk
from voicebot.keeping.writing import Line, Writer
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
kept = Writer(Path(sys.argv[1]), "call-1", opened_s=0.0, logs=True, records=True)
for second in range(6):
    kept.write([Line(float(second), "agent_clause", 1, {"text": "words " * 1000})], talk(1, second))
kept.end(6.0)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert "its recording stops (disk): File too large" in ran.stderr
    log = log_in(tmp_path)
    assert log.whole
    assert not log.torn
    assert len(log.lines) >= 3
    path = tmp_path / "call-1.call.ogg"
    assert 0 < path.stat().st_size <= 20_000
    assert soundfile.info(path).duration > 0.5


ENDLESS = """
import sys
from pathlib import Path
from tests.core.keeping.support import talk
from voicebot.keeping.writing import Line, Writer
kept = Writer(Path(sys.argv[1]), "call-1", opened_s=0.0, logs=True, records=True)
second = 0
while True:
    kept.write([Line(second + n / 50, "agent_clause", 1, {"text": "x" * 500}) for n in range(50)], talk(1, second))
    second += 1
    print(second, flush=True)
"""


@pytest.mark.parametrize("seconds", [5, 12])
def test_a_writer_that_is_killed_leaves_all_but_the_last_seconds(seconds: int, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if int(line) == seconds:
                process.send_signal(signal.SIGKILL)
                break
    log = log_in(tmp_path)
    assert process.returncode == -signal.SIGKILL
    assert log.whole
    assert len(log.lines) >= 50 * seconds + 1
    audio, _ = soundfile.read(tmp_path / "call-1.call.ogg")
    assert len(audio) / RECORDING_RATE > seconds - 4
    assert abs(audio).mean() > 0.03


def test_a_torn_piece_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real = LineFile(tmp_path / "lines"), os.write
    file.append(b"one\n")

    def half(fd: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", failing)
        return real(fd, data[: len(data) // 2])

    def failing(fd: int, data: bytes) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="Input/output"):
        file.append(b"two\n")
    monkeypatch.setattr(os, "write", real)
    file.append(b"three\n")
    file.close()
    file.close()
    assert (tmp_path / "lines").read_bytes() == b"one\nthree\n"


def test_closing_an_audio_file_twice(tmp_path: Path) -> None:
    file = AudioFile(tmp_path / "a.ogg")
    file.close()
    file.close()
    assert 0 < soundfile.info(tmp_path / "a.ogg").duration < 0.1


def test_nobody_waits_for_an_abandoned_writer_and_its_files_are_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = writer(tmp_path)
    kept.abandon()
    kept.write([clause(1)], talk(3))
    files = [kept._log_file, kept._audio_file and kept._audio_file._file]
    assert [file and file._fd for file in files] == [-1, -1]
    assert log_in(tmp_path).whole
    assert soundfile.info(tmp_path / "call-1.call.ogg").duration > 0.9
    assert caplog.records == []


def test_a_recording_that_had_no_room_is_no_file_and_the_log_says_so_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = FullDisk(0)
    kept = writer(tmp_path, open_file=disk)
    for second in range(5):
        kept.write([clause(second)], talk(1, second))
    assert [path.name for path in tmp_path.iterdir()] == ["call-1.call.jsonl"]
    disk.room = 10_000
    kept.write([clause(5)], talk(1, 5))
    kept.end(6.0)
    assert names(log_in(tmp_path)) == ["lines_lost", "recording_stopped", "agent_clause"]
    assert log_in(tmp_path).lines[1].data["reason"] == "disk"
    assert sorted(kept.failed) == ["log", "recording"]


def test_where_the_last_page_has_no_room_the_log_gets_some(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = FullDisk(1_000_000)
    kept = writer(tmp_path, open_file=disk)
    kept.write([Line.of(0.0, OPENED)], [])
    for second in range(6):
        kept.write([], talk(1, second))
    disk.room = 0
    kept.end(6.0)
    log, audio = log_in(tmp_path), tmp_path / "call-1.call.ogg"
    assert log.whole
    assert names(log) == ["call_opened", "recording_started", "recording_stopped"]
    assert log.lines[-1].data["reason"] == "disk"
    assert 0 < soundfile.info(audio).duration < 6
