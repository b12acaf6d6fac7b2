"""What calls leave behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.core.session.call import Call
from tests.support.caller import calling
from tests.support.running import PROFILE, environment, running

from voicebot.audio import PTIME_MS, Samples
from voicebot.bench.scenario import BENCH_RATE
from voicebot.bench.tape import Tape
from voicebot.clock import now
from voicebot.keeping import AuditLog, KeptConnection, read_log
from voicebot.keeping.keeper import Keeper
from voicebot.keeping.transcript import transcript
from voicebot.keeping.writing import Writer
from voicebot.settings import KeepSettings
from voicebot.testing import Say, ScriptedConnection, Silence, run_virtual

from .support import OPENED

EVERYTHING = {"KEEP__AUDIT": "true", "KEEP__TRANSCRIPTS": "true", "KEEP__RECORDING": "true"}


def intervals(side: Samples, rate: int) -> list[tuple[float, float]]:
    """Where there is sound, from and to, in ms; pauses of less than 50 ms do not count."""
    loud = np.flatnonzero(np.abs(side.astype(int)) > 700)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > 0.05 * rate)
    starts, ends = [loud[0], *loud[breaks + 1]], [*loud[breaks], loud[-1]]
    return [(start / rate * 1000, end / rate * 1000) for start, end in zip(starts, ends, strict=True)]


class Listener(ScriptedConnection):
    """Hears what is played, by the bench's own account."""

    def __init__(self, script: list[Say | Silence]) -> None:
        super().__init__(script, sample_rate=BENCH_RATE)
        self.tape = Tape()
        self.start_s = now()

    def at(self) -> int:
        return round((now() - self.start_s) * BENCH_RATE)

    async def send(self, packet) -> None:  # type: ignore[no-untyped-def]
        self.tape.send(packet.samples, self.at())
        await super().send(packet)

    def cancel(self) -> None:
        self.tape.cancel(self.at())
        super().cancel()


def test_both_sides_of_a_recording_are_where_they_were_heard(tmp_path: Path) -> None:
    """Two questions, one of them into the first answer, which is held, interrupted and followed by another."""
    script: list[Say | Silence] = [Silence(1.0), Say(1.0), Silence(1.5), Say(1.0), Silence(6.0)]
    call = Call(
        script, texts=["one two three four", "five six seven eight"], replies=["A long answer " * 8, "Yes."]
    )

    async def main() -> Listener:
        listener = Listener(script)
        writer = Writer(tmp_path, "c", opened_s=now(), logs=True, records=True)
        settings = KeepSettings(audit=True, recording=True, consent="given")
        keeper = Keeper("c", settings, writer, OPENED, now())
        call.connection = KeptConnection(listener, keeper)  # type: ignore[assignment]
        async with asyncio.TaskGroup() as group:
            group.create_task(keeper.run())
            await call.arun()
            keeper.close()
        return listener

    listener = run_virtual(main())
    audio, rate = soundfile.read(tmp_path / "c.call.ogg", dtype="int16")
    log = read_log(tmp_path / "c.call.jsonl")
    started = next(line for line in log.lines if line.name == "recording_started")
    begun_ms = started.t_s * 1000
    user = [(start + begun_ms, end + begun_ms) for start, end in intervals(audio[:, 0], rate)]
    agent = [(start + begun_ms, end + begun_ms) for start, end in intervals(audio[:, 1], rate)]
    heard = intervals(listener.tape.played(0, len(audio) * BENCH_RATE // rate), BENCH_RATE)
    assert len(listener.tape.cuts) >= 1
    assert len(heard) >= 2
    assert np.ravel(user) == pytest.approx([1000, 2000, 3500, 4500], abs=PTIME_MS)
    assert np.ravel(agent) == pytest.approx(np.ravel(heard), abs=PTIME_MS)


# --- whole processes --------------------------------------------------------------------------------------------------


@pytest.fixture
def socket() -> Iterator[Path]:
    """Where callers call: a short path, because that of a socket has 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        yield Path(folder) / "calls.sock"


def voicebot(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "voicebot", *map(str, arguments)],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=100,
    )


def hold(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """`voicebot call` of two questions over the scripted engines."""
    rate = 16_000
    speech, quiet = np.sin(np.arange(rate) * 0.2) * 0.3, np.zeros(5 * rate)
    soundfile.write(folder / "in.wav", np.concatenate([quiet, speech, quiet, speech, quiet]), rate)
    settings = {"KEEP__FOLDER": str(folder / "calls"), "AGENT__GREETING": "Hello!"} | settings
    arguments: list[str | Path] = [
        "--input",
        folder / "in.wav",
        "--output",
        folder / "out.wav",
        "--fast",
        "--quiet",
    ]
    ran = voicebot("call", "--profile", PROFILE, *arguments, **settings)
    assert "Traceback" not in ran.stderr
    return ran


def only(folder: Path, suffix: str) -> Path:
    (path,) = folder.glob(f"*{suffix}")
    return path


def log_in(folder: Path) -> AuditLog:
    return read_log(only(folder, ".call.jsonl"))


def test_a_call_leaves_its_log_and_its_recording(tmp_path: Path) -> None:
    ran = hold(tmp_path, KEEP__CONSENT="given", **EVERYTHING)
    assert ran.returncode == 0, ran.stderr
    calls = tmp_path / "calls"
    assert calls.stat().st_mode & 0o777 == 0o700
    log = log_in(calls)
    assert log.whole
    assert not log.torn
    names = [line.name for line in log.lines]
    assert names[:2] == ["call_opened", "call_started"]
    assert set(names[-2:]) == {"call_ended", "recording_stopped"}
    said = [(said.who, said.text) for said in transcript(log.lines)]
    assert said[:3] == [
        ("agent", "Hello!"),
        ("user", "What time is it?"),
        ("agent", "It is a quarter past four in the afternoon."),
    ]
    # The wav transport keeps its own account of both sides.
    audio, rate = soundfile.read(only(calls, ".call.ogg"), dtype="int16")
    for side, file in enumerate(("in.wav", "out.wav")):
        heard, heard_rate = soundfile.read(tmp_path / file, dtype="int16")
        assert np.ravel(intervals(audio[:, side], rate)) == pytest.approx(
            np.ravel(intervals(heard, heard_rate)), abs=PTIME_MS
        )

    call_id = only(calls, ".call.ogg").name.split(".")[0]
    shown = voicebot("calls", "show", call_id, "--folder", calls)
    assert shown.returncode == 0, shown.stderr
    assert "user   What time is it?" in shown.stdout
    assert "recording: " in shown.stdout


def test_an_audit_without_transcripts_holds_no_word_of_it(tmp_path: Path) -> None:
    ran = hold(tmp_path, KEEP__AUDIT="true", KEEP__CONSENT="given")
    assert ran.returncode == 0, ran.stderr
    (path,) = (tmp_path / "calls").iterdir()
    text = path.read_text()
    assert "turn_measured" in text
    for word in ("Hello!", "What", "weather", "quarter", "coat"):
        assert word not in text


def test_nothing_is_kept_by_default(tmp_path: Path) -> None:
    assert hold(tmp_path).returncode == 0
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize("consents", [False, True])
def test_consent_is_given_in_the_call_or_nothing_is_kept(tmp_path: Path, consents: bool) -> None:
    first = "I agree." if consents else "I do not agree."
    ran = hold(
        tmp_path,
        KEEP__CONSENT_PHRASES='["I agree"]',
        STT__TEXTS=f'["{first}", "What is my balance?"]',
        **EVERYTHING,
    )
    assert ran.returncode == 0, ran.stderr
    calls = tmp_path / "calls"
    if not consents:
        assert list(calls.iterdir()) == []
        return
    log = log_in(calls)
    assert [line.name for line in log.lines[:2]] == ["call_opened", "consent_given"]
    assert "Hello" not in only(calls, ".call.jsonl").read_text()
    assert "user" in [said.who for said in transcript(log.lines)]
    audio, rate = soundfile.read(only(calls, ".call.ogg"), dtype="int16")
    user = intervals(audio[:, 0], rate)
    assert len(user) == 1, "of the two, only what was said after consent"


def test_a_call_that_fails_is_kept_as_far_as_it_went(tmp_path: Path) -> None:
    ran = hold(tmp_path, KEEP__CONSENT="given", VAD__FAIL_AFTER_CALLS="0", **EVERYTHING)
    assert ran.returncode != 0
    log = log_in(tmp_path / "calls")
    assert log.whole
    ended = [line.data for line in log.lines if line.name == "call_ended"]
    assert ended == [{"reason": "failed"}]
    assert [line.name for line in log.lines].count("provider_failed") >= 1


def test_a_folder_that_cannot_be_is_said_before_the_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = hold(
        tmp_path, KEEP__AUDIT="true", KEEP__CONSENT="given", KEEP__FOLDER=str(tmp_path / "file" / "calls")
    )
    assert ran.returncode == 2
    assert "calls cannot be kept there" in ran.stderr
    assert "keep.folder" in ran.stderr


def test_keeping_without_a_way_to_consent_is_a_users_error(tmp_path: Path) -> None:
    ran = hold(tmp_path, KEEP__RECORDING="true")
    assert ran.returncode == 2
    assert "consent_phrases" in ran.stderr


def test_a_killed_worker_leaves_whole_lines_and_a_recording(socket: Path, tmp_path: Path) -> None:
    """Three calls: of one the worker is killed, one hangs up, in one `voicebot run` is stopped."""
    calls = tmp_path / "calls"

    async def main() -> None:
        settings = {"TRANSPORT__SOCKET": str(socket), "KEEP__FOLDER": str(calls), "KEEP__CONSENT": "given"}
        async with running(**settings, **EVERYTHING) as run:
            await run.until("Ctrl-C stops.")
            async with calling(socket) as caller:
                for turn in (1, 2):
                    caller.send(say=1.0)
                    caller.send(silence=0.5)
                    await caller.until("turn_measured", turn_id=turn)
                (worker,) = run.workers()
                os.kill(worker, signal.SIGKILL)
                await caller.gone()
            async with calling(socket) as caller:
                caller.send(say=0.8)
                caller.send(silence=0.5)
                await caller.until("turn_measured")
            async with calling(socket) as caller:
                caller.send(say=0.8)
                caller.send(silence=0.5)
                await caller.until("turn_measured")
                caller.send(say=30.0)
                await caller.until("user_speech_started")
                assert await run.end(signal.SIGINT) == 0
                await caller.gone()

    asyncio.run(main())
    logs = sorted((path.stat().st_mtime, path) for path in calls.glob("*.call.jsonl"))
    assert len(logs) == 3
    for number, (_, path) in enumerate(logs):
        log, audio = read_log(path), path.with_name(path.name.replace(".jsonl", ".ogg"))
        assert log.whole
        assert ("call_ended" in [line.name for line in log.lines]) == (number > 0)
        sound, rate = soundfile.read(audio, dtype="int16")
        assert len(intervals(sound[:, 0], rate)) >= 1
        if number:
            stopped = [line for line in log.lines if line.name == "recording_stopped"]
            assert [line.data["reason"] for line in stopped] == ["ended"]
            assert stopped[0].data["seconds"] == pytest.approx(len(sound) / rate, abs=0.01)
    assert len(read_log(logs[0][1]).lines) > 20
