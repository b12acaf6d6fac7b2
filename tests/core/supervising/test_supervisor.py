"""The supervisor among processes that do their worst."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from voicebot.errors import EngineError, VoicebotError
from voicebot.events import Event, TurnMeasured, UserTranscript
from voicebot.health import EngineHealth
from voicebot.interfaces import Operations
from voicebot.supervising import policy, process
from voicebot.supervising.messages import CallEvent, Health, line_of
from voicebot.supervising.supervisor import Supervisor, WorkersFailed
from voicebot.testing import ScriptedConnection, ScriptedTransport, as_engine

WARM = 'import os, sys, signal, time\nos.write(1, b\'{"type": "warm"}\\n\')\n'
WAIT = "sys.stdin.read()\n"
"""Until the supervisor has gone, or SIGTERM."""


T = TypeVar("T")


class Front:
    """Listens when it is told to, and fails when it is told to."""

    def __init__(self) -> None:
        self.may_listen, self.fail = asyncio.Event(), asyncio.Event()
        self.log: list[str] = []

    async def serve(self, on_ready: Callable[[str], None]) -> None:
        try:
            await self.may_listen.wait()
            on_ready("http://here/")
            on_ready("http://here/")
            await self.fail.wait()
            raise EngineError("port lost")
        finally:
            self.log.append("front closed")


class FrontTransport(ScriptedTransport):
    def __init__(self, front: Front) -> None:
        super().__init__()
        self._front = front

    def front(self) -> Front:  # type: ignore[override]
        return self._front

    async def connections(self) -> AsyncGenerator[ScriptedConnection, None]:
        raise AssertionError("calls are the workers'")
        yield


class Running:
    """A supervisor over workers that run a script; what it tells is on record, and can be waited for."""

    def __init__(
        self, tmp_path: Path, script: str, *, calls: int = 1, front: Front | None = None, drain_s: float = 0.0
    ) -> None:
        self.pids = tmp_path / "pids"
        transport = as_engine("transport", FrontTransport(front) if front else ScriptedTransport())
        head = f"import os\nopen({str(self.pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        self.opened: list[str] = []
        self.events: list[tuple[str, Event]] = []
        self.lines: list[str] = []
        self._told = asyncio.Event()
        self.supervisor = Supervisor(
            [sys.executable, "-S", "-c", head + script],
            os.environ,
            calls=calls,
            transport=transport,
            on_open=lambda address: self._tell(self.opened, address),
            on_event=lambda call_id, event: self._tell(self.events, (call_id, event)),
            on_line=lambda line: self._tell(self.lines, line),
            drain_s=drain_s,
        )

    def _tell(self, record: list[T], entry: T) -> None:
        record.append(entry)
        self._told.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._told.clear()
                await self._told.wait()

    def started(self) -> list[int]:
        return [int(line) for line in self.pids.read_text().split()] if self.pids.exists() else []

    def nobody_is_left(self) -> bool:
        return bool(self.started()) and not any(Path(f"/proc/{pid}").exists() for pid in self.started())


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(process, "TERM_GRACE_S", 0.3)
    monkeypatch.setattr(process, "LAST_WORDS_S", 0.3)


def run_and_stop(running: Running, when: Callable[[], object]) -> None:
    """Runs until `when`, then stops it; nothing may be left."""

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(running.supervisor.run())
            await running.until(when)
            running.supervisor.stop()
            async with asyncio.timeout(30):
                await serving

    asyncio.run(main())
    assert running.nobody_is_left()


def test_addresses_are_told_once_when_a_worker_is_warm(tmp_path: Path) -> None:
    front = Front()
    front.may_listen.set()
    running = Running(tmp_path, WARM + WAIT, front=front)
    run_and_stop(running, lambda: running.opened)
    assert running.opened == ["http://here/"]
    assert front.log == ["front closed"]
    assert running.lines == []


def test_no_worker_is_started_before_the_front_listens(tmp_path: Path) -> None:
    front = Front()
    front.fail.set()

    async def main() -> Running:
        running = Running(tmp_path, WARM + WAIT, front=front)
        task = asyncio.create_task(running.supervisor.run())
        for _ in range(20):
            await asyncio.sleep(0)
        assert running.supervisor._workers == {}
        running.supervisor.stop()
        await task
        return running

    running = asyncio.run(main())
    assert running.started() == []
    assert front.log == ["front closed"]


def test_each_worker_waits_until_the_one_before_is_warm(tmp_path: Path) -> None:
    order = tmp_path / "order"
    script = f"""
def note(word):
    with open({str(order)!r}, "a") as file: file.write(word + " ")
note("start")
import time; time.sleep(0.05)  # room for another one to start
note("warm")
{WARM}sys.stderr.write("up\\n"); sys.stderr.flush()
{WAIT}"""
    running = Running(tmp_path, script, calls=3)
    run_and_stop(running, lambda: running.lines.count("up") == 3)
    assert order.read_text().split() == ["start", "warm"] * 3


def test_a_worker_that_dies_is_replaced_and_the_other_stays(tmp_path: Path) -> None:
    marker = tmp_path / "died"
    script = f"""{WARM}
if not os.path.exists({str(marker)!r}):
    open({str(marker)!r}, "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
sys.stderr.write("up\\n"); sys.stderr.flush()
{WAIT}"""
    running = Running(tmp_path, script, calls=2)
    run_and_stop(running, lambda: running.lines.count("up") == 2)
    assert len(running.started()) == 3
    (line,) = [line for line in running.lines if "ended" in line]
    assert line == "call worker 1 ended (killed by SIGKILL); another one is started in 0.01 s"


def test_events_arrive_whatever_else_is_on_the_pipe(tmp_path: Path) -> None:
    event = CallEvent("ab12", UserTranscript(1.5, 2, "hello", True))
    script = f"""{WARM}
os.write(1, b"a print\\n{{}}\\n" + b"x" * 70_000 + b"\\n")
for _ in range(40): os.write(1, b"y" * 65_536)
os.write(1, b"\\n" + {line_of(event)!r})
{WAIT}"""
    running = Running(tmp_path, script)
    run_and_stop(running, lambda: running.events)
    assert running.events == [("ab12", event.event)]


class ShowingFront(Front):
    """Says what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.may_listen.set()

    def operate(self, operations: Operations) -> None:
        assert self.log == []
        self.operations = operations


def test_the_front_is_shown_what_the_workers_say(tmp_path: Path) -> None:
    down = Health([EngineHealth("llm", "groq", "broken", why="it cannot be reached")])
    up = Health([EngineHealth("llm", "groq", "ready", warmup_ms=3.0)])
    turn = CallEvent("ab12", TurnMeasured(1.0, 1, {"turn": 1, "user_text": "Hi.", "ended": "finished"}))
    go = tmp_path / "go"
    os.mkfifo(go)
    script = f"""
import sys
os.write(1, {line_of(down) * 2!r})
open({str(go)!r}).read()
os.write(1, {line_of(up)!r})
{WARM}os.write(1, {line_of(turn)!r})
{WAIT}"""
    front = ShowingFront()
    running = Running(tmp_path, script, front=front)
    said: list[tuple[str, str]] = []

    async def main() -> None:
        serving = asyncio.create_task(running.supervisor.run())
        await running.until(lambda: running.lines)
        said.append((front.operations.obstacle(), front.operations.engines()[0]["state"]))
        go.write_text("")
        await running.until(lambda: running.events)
        said.append((front.operations.obstacle(), front.operations.engines()[0]["state"]))
        running.supervisor.stop()
        async with asyncio.timeout(30):
            await serving

    asyncio.run(main())
    reason = "no llm engine works: groq: it cannot be reached"
    # Once, though the worker has said it twice.
    assert running.lines == [f"call worker 1 is not ready yet: {reason}"]
    assert said == [(reason, "broken"), ("", "ready")]
    assert 'voicebot_turns_total{ended="finished"} 1.0' in front.operations.metrics()
    assert front.operations.engines() == []
    assert running.nobody_is_left()


def fails(running: Running) -> VoicebotError:
    with pytest.raises(VoicebotError) as caught:
        asyncio.run(running.supervisor.run())
    assert running.nobody_is_left()
    return caught.value


def test_a_users_error_is_the_error(tmp_path: Path) -> None:
    script = (
        "import sys; sys.stderr.write('libnoise 1.0\\nError: no such voice\\n  Try another.\\n'); sys.exit(2)"
    )
    running = Running(tmp_path, script)
    error = fails(running)
    assert type(error) is VoicebotError
    assert str(error) == "no such voice\n  Try another."
    assert running.lines == []
    assert len(running.started()) == 1


def test_workers_that_keep_crashing_end_it_with_their_last_words(tmp_path: Path) -> None:
    running = Running(
        tmp_path, "import os, sys; sys.stderr.write('out of luck\\n'); sys.stderr.flush(); os._exit(77)"
    )
    error = fails(running)
    assert isinstance(error, WorkersFailed)
    assert "3 times in a row before they were ready (exit code 77)" in str(error)
    assert str(error).endswith("out of luck")
    assert len(running.started()) == 3
    assert running.lines.count("out of luck") == 2


def test_a_front_that_fails_ends_everything(tmp_path: Path) -> None:
    front = Front()
    front.may_listen.set()

    async def main() -> Running:
        running = Running(tmp_path, WARM + WAIT, front=front)
        async with asyncio.TaskGroup() as group:

            async def fail_when_open() -> None:
                await running.until(lambda: running.opened)
                front.fail.set()

            group.create_task(fail_when_open())
            with pytest.raises(EngineError, match="port lost") as caught:
                await running.supervisor.run()
            assert caught.value.plugin == "scripted"
        return running

    assert asyncio.run(main()).nobody_is_left()


def test_it_is_over_when_no_more_calls_can_come(tmp_path: Path) -> None:
    running = Running(tmp_path, WARM)
    asyncio.run(running.supervisor.run())
    assert running.opened == [""]
    assert len(running.started()) == 1
    assert running.nobody_is_left()


def test_a_worker_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    script = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{WARM}time.sleep(600)"
    running = Running(tmp_path, script)
    run_and_stop(running, lambda: running.opened)


def test_a_grandchild_that_holds_the_pipes_holds_up_nothing(tmp_path: Path) -> None:
    pid_file, marker = tmp_path / "grandchild", tmp_path / "second"
    script = f"""{WARM}
if os.path.exists({str(marker)!r}):
    sys.stdin.read()
open({str(marker)!r}, "w").close()
pid = os.fork()
if pid == 0:
    time.sleep(600)
with open({str(pid_file)!r}, "w") as file: file.write(str(pid))
os._exit(1)
"""
    running = Running(tmp_path, script, calls=1)
    try:
        run_and_stop(running, lambda: len(running.started()) == 2 or running.lines)
    finally:
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
    assert any("ended (exit code 1)" in line for line in running.lines)
