"""The SFU's process watched over: with a stand-in for Node.js that lives and dies as it is told."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import EngineError
from voicebot_transport_mediasoup import MediasoupConfig, SfuFront
from voicebot_transport_mediasoup import front as front_module
from voicebot_transport_mediasoup import process as process_module
from voicebot_transport_mediasoup import program as program_module

SAFETY_S = 60.0


class Stage:
    """A folder with an SFU of which only the stand-in for Node.js is real."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "sfu"
        for place in ("src/main.js", "node_modules/mediasoup/package.json", "worker/ensure.py"):
            (self.folder / place).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / place).touch()
        self.node = root / "node"
        script = shutil.copy(Path(__file__).with_name("fake_node.py"), root / "fake_node.py")
        self.node.write_text(f'#!/bin/sh\nexec {sys.executable} -SE {script} "$@"\n')
        self.node.chmod(0o755)
        self.version("v20.11.1")
        self.worker = root / "mediasoup-worker"
        self.worker.write_text("#!/bin/sh\n")
        self.worker.chmod(0o755)
        self.socket = root / "s.sock"

    def version(self, text: str) -> None:
        self.node.with_name("version").write_text(text)

    def acts(self, *acts: str) -> None:
        (self.folder / "acts").write_text("\n".join(acts))

    def starts(self) -> list[dict[str, Any]]:
        """The configs that it was started with."""
        return [json.loads(line) for line in (self.folder / "starts").read_text().splitlines()]

    def front(self, **settings: Any) -> SfuFront:
        sfu = {"node": str(self.node), "dir": str(self.folder), **settings.pop("sfu", {})}
        config = {"port": 0, "socket": str(self.socket), "sfu": sfu, **settings}
        return SfuFront(MediasoupConfig.model_validate(config))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage(tmp_path)
    monkeypatch.setattr(front_module, "find_page", lambda: tmp_path)
    monkeypatch.setattr(front_module, "RESTART_FIRST_S", 0.01)
    monkeypatch.setenv("MEDIASOUP_WORKER_BIN", str(stage.worker))
    return stage


Ready = asyncio.Queue[str]


def serving(front: SfuFront, body: Callable[[Ready], Awaitable[None]]) -> None:
    """Serve while `body` runs, then cancel."""

    async def main() -> None:
        ready = Ready()
        async with asyncio.timeout(SAFETY_S):
            task = asyncio.create_task(front.serve(ready.put_nowait))
            waiting = asyncio.ensure_future(body(ready))
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
            task.cancel()
            waiting.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await waiting
            assert task.cancelled()

    asyncio.run(main())


def failing(front: SfuFront) -> EngineError:
    async def main() -> EngineError:
        async with asyncio.timeout(SAFETY_S):
            with pytest.raises(EngineError) as error:
                await front.serve(lambda url: None)
        return error.value

    return asyncio.run(main())


@contextmanager
def pipe_at(path: Path) -> Iterator[int]:
    """A named pipe to read from; it ends when no process holds it open any more."""
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield reader
    finally:
        os.close(reader)


def is_over(reader: int) -> bool:
    """Whether the pipe ends, or does very soon."""
    return bool(select.select([reader], [], [], 10)[0]) and not os.read(reader, 100)


def test_it_is_started_with_its_config_and_stopped(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "voicebot.sfu")
    stage.acts("serve")

    async def body(ready: Ready) -> None:
        assert await ready.get() == "http://127.0.0.1:4321/"

    serving(stage.front(), body)
    (config,) = stage.starts()
    assert config["socket"] == str(stage.socket)
    assert ("voicebot.sfu", logging.INFO, "ready media_workers=2") in caplog.record_tuples


class Shown:
    """Operations that a test changes."""

    trouble = "no llm engine works: groq: gone"

    def obstacle(self) -> str:
        return self.trouble

    def busy(self) -> str:
        return "the machine is busy"

    def engines(self) -> list[dict[str, Any]]:
        return [{"kind": "llm", "plugin": "groq"}]

    def metrics(self) -> str:
        return "voicebot_turns_total 1.0\n"


def test_it_is_told_what_operators_are_shown_after_every_start(stage: Stage) -> None:
    stage.acts("once 1", "hear")
    front = stage.front()
    front.operate(Shown())
    heard = stage.folder / "heard"

    async def body(ready: Ready) -> None:
        assert {await ready.get() for _ in range(2)} == {"http://127.0.0.1:4321/"}
        while not heard.exists() or not heard.read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)

    serving(front, body)
    assert json.loads(heard.read_text()) == {
        "type": "operations",
        "obstacle": "no llm engine works: groq: gone",
        "busy": "the machine is busy",
        "engines": [{"kind": "llm", "plugin": "groq"}],
        "metrics": "voicebot_turns_total 1.0\n",
    }


def test_it_is_started_again_at_the_same_port(stage: Stage) -> None:
    stage.acts("once 1", "once 0", "serve")

    async def body(ready: Ready) -> None:
        assert {await ready.get() for _ in range(3)} == {"http://127.0.0.1:4321/"}

    serving(stage.front(), body)
    assert [config["port"] for config in stage.starts()] == [0, 4321, 4321]


def test_what_dies_again_and_again_is_given_up(stage: Stage) -> None:
    stage.acts("die 1 TypeError: undefined is not a function")
    error = failing(stage.front())
    assert "again and again" in error.message
    assert "TypeError: undefined is not a function" in error.message
    assert len(stage.starts()) == 5


def test_what_says_why_is_not_started_again(stage: Stage) -> None:
    stage.acts("die 2 error: Port 8080 is taken. Set another one.")
    assert failing(stage.front()).message == "Port 8080 is taken. Set another one."
    assert len(stage.starts()) == 1


def test_what_is_never_ready_is_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "READY_S", 0.01)
    stage.acts("mute")
    assert "signal 9" in failing(stage.front()).message


def test_what_hangs_is_killed_and_started_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "LOOK_EVERY_S", 0.01)
    stage.acts("hang", "serve")

    async def body(ready: Ready) -> None:
        assert {await ready.get() for _ in range(2)} == {"http://127.0.0.1:4321/"}

    serving(stage.front(), body)


def test_what_does_not_stop_is_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "TERM_S", 0.2)
    stage.acts("stubborn")

    async def body(ready: Ready) -> None:
        await ready.get()

    serving(stage.front(), body)


def test_nothing_that_it_started_is_left(stage: Stage) -> None:
    stage.acts("child")
    with pipe_at(stage.folder / "held") as held:

        async def body(ready: Ready) -> None:
            await ready.get()
            assert not select.select([held], [], [], 0)[0]

        serving(stage.front(), body)
        assert is_over(held)


def test_cancelled_before_it_is_ready(stage: Stage) -> None:
    stage.acts("mute")
    with pipe_at(stage.folder / "held") as held:

        async def body(ready: Ready) -> None:
            await asyncio.to_thread(select.select, [held], [], [], SAFETY_S)
            assert os.read(held, 100) == b"x"

        serving(stage.front(), body)
        assert is_over(held)


# --- what is missing ------------------------------------------------------------------------------------------------


def test_no_node(stage: Stage) -> None:
    error = failing(stage.front(sfu={"node": "no-such-node"}))
    assert "no program 'no-such-node'" in error.message
    assert "setup.sh" in error.hint


@pytest.mark.parametrize(
    ("version", "complaint"), [("v18.19.0", "too old"), ("GNU coreutils", "is not Node")]
)
def test_no_fit_node(stage: Stage, version: str, complaint: str) -> None:
    stage.version(version)
    assert complaint in failing(stage.front()).message


def test_a_node_that_cannot_be_run(stage: Stage) -> None:
    stage.node.write_bytes(b"\x7fELF" + bytes(100))
    assert "cannot be run" in failing(stage.front()).message


def test_no_packages(stage: Stage) -> None:
    shutil.rmtree(stage.folder / "node_modules")
    assert "setup.sh" in failing(stage.front()).hint


def test_no_sfu(stage: Stage) -> None:
    (stage.folder / "src" / "main.js").unlink()
    assert "transport.sfu.dir" in failing(stage.front()).hint


def test_no_page(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module, "_package_folder", lambda: tmp_path)
    monkeypatch.setattr(front_module, "find_page", program_module.find_page)
    assert "page" in failing(stage.front()).message


def test_a_worker_binary_that_is_not_there(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASOUP_WORKER_BIN", str(stage.worker) + "-not")
    assert "no mediasoup worker at" in failing(stage.front()).message


def test_the_worker_binary_is_made_sure_of(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIASOUP_WORKER_BIN")
    (stage.folder / "worker" / "ensure.py").write_text(
        f"print('building ...')\nprint({str(stage.worker)!r})\n"
    )
    stage.acts("serve")

    async def body(ready: Ready) -> None:
        await ready.get()

    serving(stage.front(), body)


def test_no_worker_binary_can_be_had(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIASOUP_WORKER_BIN")
    (stage.folder / "worker" / "ensure.py").write_text("raise SystemExit(1)\n")
    assert "ended with status 1" in failing(stage.front()).message


def test_cancelled_while_the_worker_binary_is_made(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIASOUP_WORKER_BIN")
    script = f"import time\nheld = open('{stage.folder}/held', 'w')\nheld.write('x')\nheld.flush()\ntime.sleep(60)\n"
    (stage.folder / "worker" / "ensure.py").write_text(script)
    with pipe_at(stage.folder / "held") as held:

        async def body(ready: Ready) -> None:
            await asyncio.to_thread(select.select, [held], [], [], SAFETY_S)
            assert os.read(held, 100) == b"x"

        serving(stage.front(), body)
        assert is_over(held)
