"""`voicebot run` as a process, over the scripted plugins."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

SUPPORT = Path(__file__).parent
PLUGINS = SUPPORT / "scripted_plugins"
PROFILE = SUPPORT / "scripted.yaml"
PATIENCE_S = 60


def environment(**settings: str) -> dict[str, str]:
    """The process's environment with the scripted plugins, and these profile settings only: `TTS__RTF="0.2"`."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("VOICEBOT_")}
    if models := os.environ.get("VOICEBOT_MODELS_DIR"):
        environ["VOICEBOT_MODELS_DIR"] = models
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH", "")]))
    return environ | {f"VOICEBOT_{key}": value for key, value in settings.items()}


class Run:
    """Attributes: `pid`; `lines`, what it has printed so far on both its outputs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pid = process.pid
        self.lines: list[str] = []

    async def until(self, wanted: str) -> str:
        """The next line with that text in it.

        Raises:
            EOFError: it ended before.
        """
        async with asyncio.timeout(PATIENCE_S):
            assert self.process.stdout is not None
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line.rstrip("\n"))
                if wanted in line:
                    return self.lines[-1]
        raise EOFError(f"it ended without {wanted!r}:\n" + "\n".join(self.lines))

    async def end(self, number: signal.Signals | None = None) -> int:
        """Its exit code, after a signal if one is given."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            assert self.process.stdout is not None
            rest = (await self.process.stdout.read()).decode()
            self.lines += rest.splitlines()
            return await self.process.wait()

    def workers(self) -> list[int]:
        """Processes that it has started and that still run."""
        return children(self.pid)


@asynccontextmanager
async def running(*arguments: str | Path, **settings: str) -> AsyncIterator[Run]:
    """`voicebot run` with these arguments and settings; killed at the block's end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "voicebot",
        "run",
        "--profile",
        PROFILE,
        *arguments,
        env=environment(**settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    run = Run(process)
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
        await run.end()


def children(pid: int) -> list[int]:
    """The children of a process (Linux)."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what no event tells of: something in another process."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
