"""How the supervisor lets its workers go: all of them, or one that is to be replaced."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.core.supervising.test_supervisor import WARM, Running

from voicebot.events import CallEnded, CallStarted
from voicebot.supervising import process, reaping, supervisor
from voicebot.supervising.messages import CallEvent, Free, Leaving, Warm, line_of

HEAR = "for line in sys.stdin:\n"
"""What the supervisor says."""
LOYAL = HEAR + "    if line == 'no more\\n': break\n"
CALL = f"os.write(1, {line_of(CallEvent('a1', CallStarted(1.0, 'a1')))!r})\n"
ENDED = f"os.write(1, {line_of(CallEvent('a1', CallEnded(2.0, 'hung_up')))!r})\n"
FREE = f"os.write(1, {line_of(Free())!r})\n"


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TERM_GRACE_S", 0.3)
    monkeypatch.setattr(process, "LAST_WORDS_S", 0.3)


def drain(running: Running, *, calls_on: int = 0, warm: int = 1) -> None:
    """Drains it when so many calls are on and so many workers are warm, until it ends by itself; nobody is left."""

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(running.supervisor.run())
            # The last worker is warm when it has said so: a call's events follow that.
            policy = running.supervisor._policy
            while (  # noqa: ASYNC110 - nothing tells that a worker is warm
                sum(policy.is_warm(n) for n in range(warm)) < warm
                or len(running.supervisor.calls_on) < calls_on
            ):
                await asyncio.sleep(0.005)
            assert running.supervisor.operations.obstacle() == ""
            running.supervisor.drain()
            running.supervisor.drain()
            assert running.supervisor.operations.obstacle().startswith("draining")
            async with asyncio.timeout(30):
                await serving

    asyncio.run(main())
    assert running.nobody_is_left()


def test_workers_end_when_they_are_told(tmp_path: Path) -> None:
    running = Running(tmp_path, WARM + LOYAL, calls=2, drain_s=600)
    drain(running, warm=2)
    assert len(running.started()) == 2
    assert running.lines == []


def test_a_worker_that_is_not_warm_is_not_waited_for(tmp_path: Path) -> None:
    first = tmp_path / "first"
    script = f"if not os.path.exists({str(first)!r}):\n    open({str(first)!r}, 'w')\n    "
    running = Running(
        tmp_path,
        "import os, sys, time\n" + script + f"os.write(1, {line_of(Warm())!r})\n" + LOYAL,
        calls=2,
        drain_s=600,
    )
    drain(running, warm=1)
    assert running.lines == []


def test_a_call_goes_on_until_it_is_over(tmp_path: Path) -> None:
    # It ends the call only when told that there will be no more: a call that was on, then.
    script = WARM + CALL + LOYAL + ENDED + FREE
    running = Running(tmp_path, script, drain_s=600)
    drain(running, calls_on=1)
    assert [type(event) for _, event in running.events] == [CallStarted, CallEnded]
    assert running.supervisor.calls_on == {}
    assert running.lines == []


def test_after_its_time_it_is_said_goodbye(tmp_path: Path) -> None:
    script = WARM + CALL + HEAR + "    if line == 'goodbye\\n': break\n" + ENDED + FREE
    running = Running(tmp_path, script, drain_s=0.05)
    drain(running, calls_on=1)
    assert [type(event) for _, event in running.events] == [CallStarted, CallEnded]


def test_who_does_not_part_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GOODBYE_S", 0.05)
    running = Running(tmp_path, WARM + CALL + HEAR + "    pass\n", drain_s=0.05)
    drain(running, calls_on=1)


def test_a_crash_meanwhile_is_told_and_nobody_takes_the_place(tmp_path: Path) -> None:
    script = WARM + CALL + LOYAL + "os.kill(os.getpid(), 9)\n"
    running = Running(tmp_path, script, drain_s=600)
    drain(running, calls_on=1)
    assert running.lines == ["call worker 1 ended (killed by SIGKILL)"]
    assert len(running.started()) == 1


def run_until_started(running: Running, times: int) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(running.supervisor.run())
            while len(running.started()) < times:  # noqa: ASYNC110 - a file tells
                await asyncio.sleep(0.005)
            running.supervisor.stop()
            async with asyncio.timeout(30):
                await serving

    asyncio.run(main())
    assert running.nobody_is_left()


@pytest.mark.parametrize(
    ("why", "lines"), [("", []), ("it is fat", ["call worker 1 is replaced: it is fat"])]
)
def test_one_that_leaves_is_replaced_at_once(tmp_path: Path, why: str, lines: list[str]) -> None:
    # Each one leaves: pauses that double would be 4 s in the end.
    running = Running(tmp_path, WARM + CALL + ENDED + FREE + f"os.write(1, {line_of(Leaving(why))!r})\n")
    run_until_started(running, 5)
    assert running.lines[:1] == lines
    assert set(running.lines) == set(lines)


def test_a_call_that_is_not_put_away_costs_the_worker_its_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaping, "END_WITHIN_S", 0.05)
    running = Running(tmp_path, WARM + CALL + ENDED + "time.sleep(600)\n")
    run_until_started(running, 2)
    assert running.lines[0].startswith("call worker 1 is killed: it has not put away its call")
    assert running.lines[1].startswith("call worker 1 ended (killed by SIGKILL)")


def test_one_that_leaves_and_does_not_go_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaping, "END_WITHIN_S", 0.05)
    running = Running(tmp_path, WARM + f"os.write(1, {line_of(Leaving(''))!r})\n" + "time.sleep(600)\n")
    run_until_started(running, 2)
    assert running.lines[0].startswith("call worker 1 is killed: it has not ended")
