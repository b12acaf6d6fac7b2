"""A keeper never makes its call wait, whatever the disk does."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.events import AgentClause, AgentTurnEnded, KeepingFailed, UserTranscript
from voicebot.keeping import keeper as module
from voicebot.keeping.keeper import AUDIO_QUEUE_S, LINE_QUEUE, Keeper
from voicebot.keeping.reading import read_log
from voicebot.keeping.writing import Audio, Line, Writer
from voicebot.settings import KeepSettings
from voicebot.testing import run_virtual
from voicebot.tools.threads import DaemonThreads

from .support import OPENED

CHUNK = AudioChunk(np.full(320, 1_000, np.int16), 16_000)


def settings(**values: object) -> KeepSettings:
    return KeepSettings.model_validate(
        {"audit": True, "transcripts": True, "recording": True, "consent": "given"} | values
    )


def keeping(
    folder: Path,
    chosen: KeepSettings,
    writer: Writer | None = None,
    tell: Callable[[KeepingFailed], None] = lambda event: None,
) -> Keeper:
    writer = writer or Writer(folder, "c", opened_s=now(), logs=True, records=chosen.recording)
    return Keeper("c", chosen, writer, OPENED, now(), tell)


async def hear(keeper: Keeper, seconds: float) -> None:
    for _ in range(round(seconds * 50)):
        await asyncio.sleep(0.02)
        keeper.heard(CHUNK)


def names(folder: Path) -> list[str]:
    log = read_log(folder / "c.call.jsonl")
    assert log.whole
    assert not log.torn
    return [line.name for line in log.lines]


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


class Announcing(Writer):
    """Says when a batch is with the disk."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(folder, "c", opened_s=0.0, logs=True, records=True)
        self.written, self._loop = asyncio.Event(), loop

    def write(self, lines: Sequence[Line], audio: Sequence[Audio]) -> None:
        super().write(lines, audio)
        self._loop.call_soon_threadsafe(self.written.set)


def test_a_line_is_in_the_file_while_the_call_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        writer = Announcing(tmp_path, asyncio.get_running_loop())
        keeper = keeping(tmp_path, settings(), writer)
        async with asyncio.TaskGroup() as group:
            group.create_task(keeper.run())
            async with asyncio.timeout(20):
                await writer.written.wait()
                for turn in (1, 2, 3):
                    writer.written.clear()
                    keeper.event(AgentClause(now(), turn, "Hello."))
                    await writer.written.wait()
                    assert names(tmp_path) == ["call_opened"] + ["agent_clause"] * turn
            keeper.close()

    asyncio.run(main())


def test_before_consent_nothing_is_kept_nor_remembered(tmp_path: Path) -> None:
    chosen = settings(consent="required", consent_phrases=("I agree",))

    async def main(consents: bool) -> Keeper:
        keeper = keeping(tmp_path, chosen)
        async with asyncio.TaskGroup() as group:
            group.create_task(keeper.run())
            keeper.sent(CHUNK)
            keeper.event(AgentTurnEnded(now(), 0, "May I?", "May I?", "finished"))
            await hear(keeper, 3)
            keeper.event(UserTranscript(now(), 1, "my name is Bond", True))
            assert len(keeper.lines) == len(keeper.audio) == 0
            assert files(tmp_path) == []
            if consents:
                keeper.event(UserTranscript(now(), 2, "I agree.", True))
                keeper.event(AgentTurnEnded(now(), 1, "late", "late", "interrupted"))
                await hear(keeper, 3)
                keeper.event(AgentClause(now(), 2, "Thank you."))
            keeper.close()
        return keeper

    run_virtual(main(consents=False))
    assert files(tmp_path) == []

    run_virtual(main(consents=True))
    log = read_log(tmp_path / "c.call.jsonl")
    assert [line.name for line in log.lines] == [
        "call_opened",
        "consent_given",
        "recording_started",
        "agent_clause",
        "recording_stopped",
    ]
    assert "Bond" not in (tmp_path / "c.call.jsonl").read_text()
    consent, started = log.lines[1], log.lines[2]
    assert consent.data == {"phrase": "I agree"}
    assert started.t_s >= consent.t_s >= 3
    assert soundfile.info(tmp_path / "c.call.ogg").duration == pytest.approx(3, abs=0.1)


class Stuck(Writer):
    """A disk that does not answer until it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "c", opened_s=0.0, logs=True, records=True)
        self.reached, self.go = threading.Event(), threading.Event()

    def write(self, lines: Sequence[Line], audio: Sequence[Audio]) -> None:
        self.reached.set()
        self.go.wait(20)
        super().write(lines, audio)


def test_a_slow_disk_stops_the_recording_and_loses_lines_but_holds_nobody_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Keeper:
        writer = Stuck(tmp_path)
        keeper = keeping(tmp_path, settings(), writer)
        async with asyncio.TaskGroup() as group:
            group.create_task(keeper.run())
            await asyncio.to_thread(writer.reached.wait, 10)
            for _ in range(round(AUDIO_QUEUE_S * 50) + 10):
                keeper.heard(CHUNK)
            for turn in range(LINE_QUEUE + 7):
                keeper.event(AgentClause(now(), turn, "Hello."))
            assert len(keeper.audio) == 0, "what is not recorded is not held either"
            writer.go.set()
            keeper.event(AgentClause(now(), 5_000, "Last."))
            keeper.close()
        return keeper

    keeper = asyncio.run(main())
    log = read_log(tmp_path / "c.call.jsonl")
    assert log.whole
    assert [line.data["reason"] for line in log.lines if line.name == "recording_stopped"] == ["too_slow"]
    assert [line.data["lost"] for line in log.lines if line.name == "lines_lost"] == [
        keeper.lines.statistics.dropped
    ]
    assert log.lines[-2].turn == 5_000
    assert ["too_slow" in record.message for record in caplog.records] == [True]


def test_a_disk_that_never_answers_is_given_up_with_the_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = DaemonThreads(1)
    monkeypatch.setattr(module, "_threads", threads)
    writer = Stuck(tmp_path)

    async def main() -> None:
        keeper = keeping(tmp_path, settings(), writer)
        task = asyncio.create_task(keeper.run())
        await asyncio.to_thread(writer.reached.wait, 10)
        keeper.close()
        task.cancel()
        await asyncio.wait({task})
        assert threads.running == 1
        # The next call finds no thread left, and goes on.
        other = keeping(tmp_path, settings())
        await other.run()
        other.event(AgentClause(now(), 1, "Hello."))
        other.heard(CHUNK)
        assert len(other.lines) == len(other.audio) == 0

    try:
        asyncio.run(main())
        assert ["too many writers" in record.message for record in caplog.records] == [True]
    finally:
        writer.go.set()


def test_a_fault_of_the_writer_ends_the_keeping_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Writer):
        def write(self, lines: Sequence[Line], audio: Sequence[Audio]) -> None:
            raise RuntimeError("broken")

    async def main() -> None:
        writer = Broken(tmp_path, "c", opened_s=0.0, logs=True, records=True)
        keeper = keeping(tmp_path, settings(), writer)
        await keeper.run()
        for _ in range(5_000):
            keeper.heard(CHUNK)
            keeper.event(AgentClause(now(), 1, "Hello."))
        assert len(keeper.audio) == len(keeper.lines) == 0

    asyncio.run(main())
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_what_cannot_be_kept_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    async def main() -> None:
        keeper = keeping(tmp_path / "gone", settings(), tell=lambda event: told.append(event.what))
        async with asyncio.TaskGroup() as group:
            group.create_task(keeper.run())
            await hear(keeper, 5)
            keeper.close()

    run_virtual(main())
    assert sorted(told) == ["log", "recording"]
    assert len(caplog.records) == 2


def test_what_is_no_event_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        keeper = keeping(tmp_path, settings(recording=False))
        keeper.event("nonsense")  # type: ignore[arg-type]
        keeper.heard(CHUNK)
        assert len(keeper.audio) == 0
        keeper.close()
        await keeper.run()

    run_virtual(main())
    assert len(caplog.records) == 1
    assert names(tmp_path) == ["call_opened"]


def test_calls_leave_no_thread_and_no_open_file(tmp_path: Path) -> None:
    def held() -> tuple[int, int]:
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    async def main(call: int) -> None:
        folder = tmp_path / str(call)
        await asyncio.to_thread(folder.mkdir)
        keeper = keeping(folder, settings())
        async with asyncio.TaskGroup() as group:
            group.create_task(keeper.run())
            await hear(keeper, 3)
            keeper.close()

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not say which files are open")
    run_virtual(main(0))
    before, threads = held(), set(threading.enumerate())
    for call in range(1, 20):
        run_virtual(main(call))
    for thread in set(threading.enumerate()) - threads:
        thread.join(60)  # it may be on its way out
    assert held() == before
    assert len(list(tmp_path.glob("*/c.call.ogg"))) == 20
