"""`voicebot run` with real processes: calls, crashes, stops."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.support.caller import Caller, calling
from tests.support.running import PATIENCE_S, PROFILE, Run, environment, gone, running, wait_until

from voicebot.cli import main


@pytest.fixture
def socket() -> Iterator[Path]:
    """Where callers call: a short path, because that of a socket has 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        yield Path(folder) / "calls.sock"


async def ready(run: Run) -> None:
    await run.until("and talk. Ctrl-C stops.")


async def ask(caller: Caller, turn: int = 1) -> dict[str, Any]:
    """Say something and hear the answer out; the turn's report."""
    caller.send(say=0.8)
    caller.send(silence=0.5)
    measured = await caller.until("turn_measured", turn_id=turn)
    return dict(measured["report"])


def test_calls_are_served_until_ctrl_c(socket: Path, tmp_path: Path) -> None:
    reports = tmp_path / "a" / "reports"

    async def call_twice() -> Run:
        async with running("--report-dir", reports, TRANSPORT__SOCKET=str(socket)) as run:
            await ready(run)
            for said in ("What time is it?", "And what is the weather like tomorrow?"):
                async with calling(socket) as caller:
                    caller.send(say=0.8)
                    caller.send(silence=0.5)
                    transcript = await caller.until("user_transcript", final=True)
                    assert transcript["text"] == said
                    await caller.until("agent_clause")
                    caller.send(heard={"turn_id": 1, "voice_to_voice_ms": 812.4})
                    await caller.until("turn_heard", turn_id=1)
            await run.until("And what is the weather")
            await wait_until(lambda: len(list(reports.glob("*.json"))) == 2)
            (worker,) = run.workers()
            assert await run.end(signal.SIGINT) == 0
            assert gone(worker)
            return run

    run = asyncio.run(call_twice())
    assert not socket.exists()
    assert run.lines[0] == f"Open unix:{socket} and talk. Ctrl-C stops."
    assert "user   What time is it?" in run.lines
    assert sum(line.startswith("Open ") for line in run.lines) == 1
    assert "Traceback" not in "\n".join(run.lines)
    saved = [json.loads(file.read_text()) for file in reports.iterdir()]
    assert {file.stem for file in reports.iterdir()} == {report["call"]["id"] for report in saved}
    assert {report["turns"][0]["heard_voice_to_voice_ms"] for report in saved} == {812.4}
    # The engines were warm before the call came.
    assert all(report["call"]["warmup_ms"] < 1000 for report in saved)


def test_a_crash_ends_its_own_call_alone_and_the_worker_is_replaced(socket: Path) -> None:
    async def crash_one_of_two() -> Run:
        settings = {
            "CALLS": "2",
            "STT__TEXTS": '["Hello.", "Crash, please."]',
            "LLM__DIE_ON_TEXT": "Crash",
            "TRANSPORT__SOCKET": str(socket),
        }
        async with running(**settings) as run:
            await ready(run)
            async with calling(socket) as first, calling(socket) as second:
                await ask(first)
                await ask(second)
                before = set(run.workers())
                assert len(before) == 2
                second.send(say=0.8)
                await second.gone()
                # The other call goes on, and a new one finds a worker: another one.
                first.send(silence=0.1)
                await run.until("ended (killed by SIGKILL); another one is started in 0.5 s")
                async with calling(socket) as third:
                    assert (await ask(third))["user_text"] == "Hello."
                    assert len(set(run.workers()) & before) == 1
                    assert first.events[-1]["name"] == "turn_measured"
                    first.send(heard={"turn_id": 1, "voice_to_voice_ms": 700.0})
                    await first.until("turn_heard")
            assert await run.end(signal.SIGTERM) == 0
            return run

    run = asyncio.run(crash_one_of_two())
    # Two calls at once are told apart.
    said = [line for line in run.lines if line.endswith("user   Hello.")]
    assert len({line.split()[0] for line in said}) == 3


def test_a_call_that_fails_gives_its_place_to_a_fresh_worker(socket: Path, tmp_path: Path) -> None:
    async def fail_once() -> Run:
        settings = {"VAD__FAIL_AFTER_CALLS": "1", "TRANSPORT__SOCKET": str(socket)}
        async with running("--report-dir", tmp_path, **settings) as run:
            await ready(run)
            async with calling(socket) as caller:
                await ask(caller)
            async with calling(socket) as caller:
                await caller.until("provider_failed", kind="vad")
                assert (await caller.until("call_ended"))["reason"] == "failed"
            await run.until("ended (exit code 1)")
            async with calling(socket) as caller:
                await ask(caller)
            assert await run.end(signal.SIGTERM) == 0
            return run

    run = asyncio.run(fail_once())
    assert any(
        "the vad plugin 'scripted' of voicebot-scripted 1.0: told to fail after 1 calls" in line
        for line in run.lines
    )
    errors = [json.loads(file.read_text())["errors"] for file in tmp_path.glob("*.json")]
    assert sorted(len(each) for each in errors) == [0, 0, 1]


def test_text_that_no_terminal_can_show_costs_no_call(socket: Path, tmp_path: Path) -> None:
    half_an_emoji = "Well \ud83d."

    async def two_turns() -> Run:
        settings = {"STT__TEXTS": json.dumps([half_an_emoji, "Hello."]), "TRANSPORT__SOCKET": str(socket)}
        async with running("--report-dir", tmp_path, **settings) as run:
            await ready(run)
            async with calling(socket) as caller:
                await ask(caller)
                await ask(caller, turn=2)
            async with calling(socket) as caller:
                await ask(caller)
            await wait_until(lambda: len(list(tmp_path.glob("*.json"))) == 2)
            assert await run.end(signal.SIGTERM) == 0
            return run

    run = asyncio.run(two_turns())
    assert r"user   Well \ud83d." in run.lines
    assert not [line for line in run.lines if "ended (" in line or "Traceback" in line]
    texts = {json.loads(file.read_text())["turns"][0]["user_text"] for file in tmp_path.glob("*.json")}
    assert texts <= {half_an_emoji, "Hello."}
    assert half_an_emoji in texts


def test_output_that_nobody_reads_costs_no_call(socket: Path) -> None:
    async def stop_reading() -> int:
        async with running(TRANSPORT__SOCKET=str(socket)) as run:
            await ready(run)
            (worker,) = run.workers()
            assert run.process.stdout is not None
            run.process.stdout._transport.close()  # type: ignore[attr-defined]
            for _ in range(2):
                async with calling(socket) as caller:
                    await ask(caller)
            assert run.workers() == [worker]
            run.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_S):
                return await run.process.wait()

    assert asyncio.run(stop_reading()) == 0


def test_a_stop_in_a_call_ends_it_in_order(socket: Path, tmp_path: Path) -> None:
    async def stop() -> Run:
        async with running("--report-dir", tmp_path, "--quiet", TRANSPORT__SOCKET=str(socket)) as run:
            await wait_until(socket.exists)
            async with calling(socket) as caller:
                await ask(caller)
                caller.send(say=30.0)
                assert await run.end(signal.SIGINT) == 0
                await caller.gone()
            return run

    run = asyncio.run(stop())
    assert run.lines == []
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())["errors"] == []
    assert not socket.exists()


def test_killed_itself_it_leaves_no_worker_behind(socket: Path) -> None:
    async def kill() -> None:
        # Even one whose event loop a plugin holds.
        settings = {"LLM__HANG_ON_TEXT": "time", "TRANSPORT__SOCKET": str(socket), "CALLS": "2"}
        async with running(**settings) as run:
            await ready(run)
            await wait_until(lambda: len(run.workers()) == 2)
            async with calling(socket) as caller:
                caller.send(say=0.8)
                await caller.until("user_transcript", final=True)
                workers = run.workers()
                run.process.kill()
                await wait_until(lambda: all(gone(worker) for worker in workers))

    asyncio.run(kill())


def test_a_second_ctrl_c_stops_at_once(socket: Path) -> None:
    async def interrupt_twice() -> None:
        async with running(LLM__HANG_ON_TEXT="time", TRANSPORT__SOCKET=str(socket)) as run:
            await ready(run)
            async with calling(socket) as caller:
                caller.send(say=0.8)
                await caller.until("user_transcript", final=True)
                (worker,) = run.workers()
                run.process.send_signal(signal.SIGINT)
                # The front goes first; the worker would be given five seconds.
                await wait_until(lambda: not socket.exists())
                assert not gone(worker)
                assert await run.end(signal.SIGINT) == 130
                await wait_until(lambda: gone(worker))

    asyncio.run(interrupt_twice())


def failed(*arguments: str | Path, **settings: str) -> tuple[int, list[str]]:
    async def fail() -> tuple[int, list[str]]:
        async with running(*arguments, **settings) as run:
            return await run.end(), run.lines

    return asyncio.run(fail())


def test_a_front_that_cannot_serve_is_an_error_before_anything_is_loaded(socket: Path) -> None:
    async def twice() -> tuple[int, list[str]]:
        async with running(TRANSPORT__SOCKET=str(socket)) as first:
            await ready(first)
            async with running(TRANSPORT__SOCKET=str(socket), LLM__FAIL_WARMUP="crash") as second:
                return await second.end(), second.lines

    code, lines = asyncio.run(twice())
    assert code == 2
    assert lines == [
        f"Error: the transport plugin 'scripted' of voicebot-scripted 1.0: {socket} is taken",
        "  Stop the other one.",
    ]


def test_a_front_that_fails_later_ends_it(socket: Path) -> None:
    code, lines = failed(TRANSPORT__SOCKET=str(socket), TRANSPORT__FAIL_FRONT_AFTER_S="0.1")
    assert code == 2
    assert lines[-1] == "Error: the transport plugin 'scripted' of voicebot-scripted 1.0: told to fail"
    assert not socket.exists()


def test_an_engine_that_cannot_run_here_is_one_clear_error(socket: Path) -> None:
    code, lines = failed(TRANSPORT__SOCKET=str(socket), LLM__FAIL_WARMUP="for_good")
    assert code == 2
    assert lines == [
        "Error: the llm plugin 'scripted' of voicebot-scripted 1.0: told to fail",
        "  Do not tell it to.",
    ]
    assert not socket.exists()


def test_an_engine_that_never_gets_warm_is_given_up(socket: Path) -> None:
    code, lines = failed(TRANSPORT__SOCKET=str(socket), LLM__FAIL_WARMUP="retryable")
    assert code == 1
    assert (
        "Error: call workers ended 3 times in a row before they were ready (exit code 1); the last one said:"
        in lines
    )
    assert lines[-1].strip() == "Do not tell it to."


def in_process(*arguments: str, **settings: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        for key, value in settings.items():
            patch.setenv(f"VOICEBOT_{key}", value)
        patch.syspath_prepend(str(PROFILE.parent / "scripted_plugins"))
        return main(["run", "--profile", str(PROFILE), *arguments])


def test_a_missing_model_is_said_before_anything_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_process(STT="fasterwhisper", MODELS_DIR=str(tmp_path)) == 2
    assert "voicebot models pull" in capsys.readouterr().err


def test_a_report_dir_that_cannot_be_is_a_users_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert in_process("--report-dir", str(tmp_path / "file")) == 2
    assert f"{tmp_path / 'file'}: reports cannot be written there" in capsys.readouterr().err


def test_a_record_dir_that_cannot_be_is_a_users_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert in_process("--record", str(tmp_path / "file"), KEEP__CONSENT="given") == 2
    assert f"{tmp_path / 'file'}: recordings cannot be written there" in capsys.readouterr().err


def test_calls_of_people_who_have_not_consented_yet_are_not_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_process("--record", str(tmp_path / "calls")) == 2
    assert "keep: {consent: given}" in capsys.readouterr().err
    assert not (tmp_path / "calls").exists()


def test_a_call_from_a_file_ends_by_itself_and_is_recorded_for_a_replay(tmp_path: Path) -> None:
    rate = 16_000
    speech = np.sin(np.arange(rate // 2) * 0.2) * 0.3
    soundfile.write(tmp_path / "in.wav", np.concatenate([speech, np.zeros(rate)]), rate)
    settings = {
        "TRANSPORT__USE": "wav",
        "TRANSPORT__INPUT": str(tmp_path / "in.wav"),
        "TRANSPORT__OUTPUT": str(tmp_path / "out.wav"),
        "KEEP__CONSENT": "given",
    }
    code, lines = failed("--record", tmp_path / "calls", **settings)
    assert (code, lines[0]) == (0, "Ready for calls. Ctrl-C stops.")
    (recording,) = (tmp_path / "calls").iterdir()
    assert main(["replay", "--quiet", str(recording)]) == 0
    assert "user   What time is it?" in lines
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() > 0.1


def test_a_worker_without_a_supervisor_ends(socket: Path) -> None:
    """Its input ends at once."""
    done = subprocess.run(
        [sys.executable, "-m", "voicebot", "worker", "--profile", PROFILE],
        env=environment(TRANSPORT__SOCKET=str(socket), LLM__WARMUP_MS="60000"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert {json.loads(line)["type"] for line in done.stdout.splitlines()} <= {"health"}
