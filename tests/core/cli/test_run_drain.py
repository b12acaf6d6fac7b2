"""`voicebot run` lets go: of all calls, of a worker that has served its time."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.support.caller import calling
from tests.support.running import PATIENCE_S, Run, environment, gone, running, wait_until

from voicebot.cli import main

from .test_run import ask, ready


@pytest.fixture
def socket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        yield Path(folder) / "calls.sock"


def test_four_calls_that_are_on_go_on_and_a_fifth_is_not_taken(socket: Path, tmp_path: Path) -> None:
    async def drain() -> Run:
        settings = {"CALLS": "4", "POOL__DRAIN_S": "600", "TRANSPORT__SOCKET": str(socket)}
        async with running("--report-dir", tmp_path, **settings) as run, AsyncExitStack() as stack:
            await ready(run)
            callers = [await stack.enter_async_context(calling(socket)) for _ in range(4)]
            for caller in callers:
                await ask(caller)
            run.process.send_signal(signal.SIGTERM)
            await run.until("Draining: 4 calls are on, for up to 600 s more.")
            fifth = await stack.enter_async_context(calling(socket))
            for caller in callers:
                assert (await ask(caller, turn=2))["ended"] == "finished"
            assert len(run.workers()) == 4
            await stack.aclose()  # they hang up
            assert await run.end() == 0
            await fifth.gone()
            assert fifth.events == []
            return run

    run = asyncio.run(drain())
    assert not [line for line in run.lines if "ended (" in line or "Traceback" in line]
    reports = [json.loads(file.read_text()) for file in tmp_path.glob("*.json")]
    assert [(len(report["turns"]), report["errors"]) for report in reports] == [(2, [])] * 4


def test_when_the_time_is_up_the_agent_says_goodbye(socket: Path) -> None:
    async def drain() -> None:
        settings = {"POOL__DRAIN_S": "0.1", "TRANSPORT__SOCKET": str(socket)}
        async with running(**settings) as run:
            await ready(run)
            async with calling(socket) as caller:
                await ask(caller)
                run.process.send_signal(signal.SIGTERM)
                await caller.until("limit_reached", limit="drain_s")
                await caller.until("agent_clause", text="We have to close now.")
                ended = await caller.until("agent_turn_ended", reason="finished")
                assert ended["heard_text"] == "We have to close now. Goodbye."
                assert (await caller.until("call_ended"))["reason"] == "hung_up"
                await caller.gone()
            assert await run.end() == 0

    asyncio.run(drain())


def test_a_second_sigterm_does_not_wait(socket: Path) -> None:
    async def hurry() -> None:
        settings = {"POOL__DRAIN_S": "600", "TRANSPORT__SOCKET": str(socket)}
        async with running(**settings) as run:
            await ready(run)
            async with calling(socket) as caller:
                await ask(caller)
                run.process.send_signal(signal.SIGTERM)
                await run.until("Draining: 1 call is on")
                assert await run.end(signal.SIGTERM) == 0
                await caller.gone()

    asyncio.run(hurry())


def test_voicebot_drain_waits_for_the_last_call(socket: Path) -> None:
    async def drain() -> None:
        settings = {"CALLS": "2", "POOL__DRAIN_S": "600", "TRANSPORT__SOCKET": str(socket)}
        async with running(**settings) as run:
            await ready(run)
            async with calling(socket) as caller:
                await ask(caller)
                draining = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "voicebot", "drain", "--pid", str(run.pid)),
                    env=environment(),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                )
                assert draining.stdout is not None
                said = [(await draining.stdout.readline()).decode().strip() for _ in range(2)]
                assert said == [
                    f"voicebot run, process {run.pid} takes no further call. Calls may go on for 600 s.",
                    "1 call on",
                ]
                assert (await ask(caller, turn=2))["ended"] == "finished"
            assert await run.end() == 0
            async with asyncio.timeout(PATIENCE_S):
                rest = (await draining.communicate())[0].decode()
            assert rest.splitlines()[-1] == "It has ended."
            assert draining.returncode == 0

    asyncio.run(drain())


def test_without_a_server_drain_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert main(["drain"]) == 2
    assert "No `voicebot run` of this user runs here." in capsys.readouterr().err


def test_among_several_servers_drain_asks_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import psutil

    from voicebot.supervising.running import Note

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "voicebot").mkdir(mode=0o700)
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        started_s = psutil.Process(process.pid).create_time()
        for name in ("a", "b"):
            note = Note(pid=process.pid, started_s=started_s, profile=f"/{name}.yaml")
            (tmp_path / "voicebot" / f"run-{name}.json").write_text(note.model_dump_json())
        assert main(["drain"]) == 2
        said = capsys.readouterr().err
        assert "Several servers run" in said
        assert f"process {process.pid}: /b.yaml" in said
        assert main(["drain", "--pid", "1"]) == 2
        assert "No such server runs" in capsys.readouterr().err
        process.kill()


def test_a_worker_that_has_served_its_time_is_replaced(socket: Path) -> None:
    async def serve() -> Run:
        settings = {"POOL__CALLS_PER_WORKER": "2", "TRANSPORT__SOCKET": str(socket)}
        async with running(**settings) as run:
            await ready(run)
            workers = []
            for _ in range(3):
                async with calling(socket) as caller:
                    await ask(caller)
                    workers += run.workers()
            assert await run.end(signal.SIGTERM) == 0
            assert workers[0] == workers[1] != workers[2]
            assert gone(workers[0])
            return run

    run = asyncio.run(serve())
    assert not [line for line in run.lines if "ended (" in line or "replaced" in line]


def test_a_worker_over_its_memory_is_replaced_between_calls(socket: Path) -> None:
    async def serve() -> Run:
        settings = {"POOL__MAX_MEMORY_MB": "50", "TRANSPORT__SOCKET": str(socket)}
        async with running(**settings) as run:
            await ready(run)
            (before,) = run.workers()
            async with calling(socket) as caller:
                await ask(caller)
                await ask(caller, turn=2)  # not in the call
                assert run.workers() == [before]
            assert "MB of memory (pool.max_memory_mb: 50)" in await run.until("is replaced: it holds")
            await wait_until(lambda: run.workers() not in ([], [before]) and gone(before))
            async with calling(socket) as caller:
                await ask(caller)
            assert await run.end(signal.SIGTERM) == 0
            return run

    asyncio.run(serve())
