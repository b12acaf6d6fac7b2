"""`voicebot run` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.browser.support.processes import Process, all_gone, exited, marked

__all__ = ["ROOT", "SCRIPTED", "Server", "over", "serving"]

ROOT = Path(__file__).parents[3]
SCRIPTED_PLUGINS = ROOT / "tests" / "support" / "scripted_plugins"
SCRIPTED = ROOT / "tests" / "support" / "scripted.yaml"
"""The profile of an agent without models."""

_STARTS_WITHIN_S = 90
_STOPS_WITHIN_S = 30


@dataclass
class Server:
    """A server that takes calls."""

    url: str
    pid: int
    marker: str
    run_dir: Path
    """Where it puts its sockets and temporary files."""
    report_dir: Path
    lines: list[str] = field(default_factory=list)
    """What it printed until now."""
    printed: asyncio.Condition = field(default_factory=asyncio.Condition)
    stopping: bool = False

    def stop(self) -> None:
        """Ask it to stop, once."""
        if not self.stopping:
            self.stopping = True
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGINT)

    def processes(self) -> list[Process]:
        """All of its processes, the first one included."""
        return marked(self.marker)

    def find(self, part: str) -> list[Process]:
        """Its processes whose command line has this part."""
        return [process for process in self.processes() if part in process.command()]

    async def reports(self, count: int = 1) -> list[dict[str, Any]]:
        """The calls' reports, the oldest first, as soon as there are that many.

        A report is there when its call's worker has let go of the call, some time after the page has.
        """
        async with asyncio.timeout(30):
            while len(found := self._report_files()) < count:  # noqa: ASYNC110 - another process writes them
                await asyncio.sleep(0.05)
        return [json.loads(file.read_text()) for file in found]

    def _report_files(self) -> list[Path]:
        return sorted(self.report_dir.glob("*.json"), key=lambda file: file.stat().st_mtime)

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line in which the pattern is found; lines printed before count."""
        async with asyncio.timeout(_STARTS_WITHIN_S), self.printed:
            while True:
                for line in self.lines:
                    if match := re.search(pattern, line):
                        return match
                await self.printed.wait()


def over(transport: str) -> dict[str, str]:
    """The environment for a profile whose calls are to come that way, on ports that nobody else has."""
    if transport != "mediasoup":
        return {"VOICEBOT_TRANSPORT": transport}
    return {
        "VOICEBOT_TRANSPORT": transport,
        "VOICEBOT_TRANSPORT__RTC__PORT": "0",
        "VOICEBOT_TRANSPORT__RTC__MEDIA_WORKERS": "1",
    }


@asynccontextmanager
async def serving(
    profile: Path, environ: Mapping[str, str] = MappingProxyType({}), *, killed: bool = False
) -> AsyncIterator[Server]:
    """A server for one test. After it nothing is left of it: no process, no socket file, nobody on its port.

    Args:
        profile: a YAML file.
        environ: more environment variables; the port is a free one unless they say otherwise.
        killed: the test kills it, so that it cannot exit with 0 or remove its socket.

    Raises:
        AssertionError: it did not start or stop as it should, or left something behind.
    """
    # A short path: a Unix socket's may have 107 bytes.
    base = Path(tempfile.mkdtemp(prefix="browser-test-"))
    run_dir, report_dir = base / "run", base / "reports"
    run_dir.mkdir(mode=0o700)
    report_dir.mkdir()
    marker = f"BROWSER_TEST_RUN={uuid4().hex}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicebot", "run", "--profile", profile, "--report-dir", report_dir),
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(SCRIPTED_PLUGINS), os.environ.get("PYTHONPATH")])
            ),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "COLUMNS": "400",
            "TMPDIR": str(run_dir),
            "XDG_RUNTIME_DIR": str(run_dir),
            "VOICEBOT_TRANSPORT__PORT": "0",
            **environ,
            **dict([marker.split("=")]),
        },
        stdout=PIPE,
        stderr=STDOUT,
    )
    server = Server("", process.pid, marker, run_dir, report_dir)
    reader = asyncio.create_task(_read(process, server))
    try:
        server.url = await _address(server, reader)
        yield server
    finally:
        try:
            if process.returncode is None:
                server.stop()
            await _ended(process, reader)
        finally:
            left = await _kill_left(marker)
            files = [
                str(path.relative_to(run_dir))
                for path in run_dir.rglob("*")
                # What was killed cannot clean up: its sockets stay, and the note that the next server takes away.
                if not path.is_dir() and not (killed and (path.is_socket() or path.match("run-*.json")))
            ]
            shutil.rmtree(base)
    printed = "\n".join(server.lines)
    assert not left, f"processes of the server outlived it: {left}\n{printed}"
    assert not files, f"the server left files behind: {files}\n{printed}"
    assert process.returncode == (-signal.SIGKILL if killed else 0), (
        f"exit code {process.returncode}\n{printed}"
    )
    assert "Traceback" not in printed, printed
    await _assert_nobody_listens(server.url)


async def _read(process: asyncio.subprocess.Process, server: Server) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        async with server.printed:
            server.lines.append(line.decode(errors="replace").rstrip("\n"))
            server.printed.notify_all()


async def _address(server: Server, reader: asyncio.Task[None]) -> str:
    said = asyncio.create_task(server.says(r"Open (http://\S+)"))
    try:
        await asyncio.wait((said, reader), return_when=asyncio.FIRST_COMPLETED)
        if said.done():
            return said.result()[1]
        raise AssertionError("the server ended before it was ready:\n" + "\n".join(server.lines))
    except TimeoutError:
        raise AssertionError("the server was never ready:\n" + "\n".join(server.lines)) from None
    finally:
        said.cancel()


async def _ended(process: asyncio.subprocess.Process, reader: asyncio.Task[None]) -> None:
    try:
        async with asyncio.timeout(_STOPS_WITHIN_S):
            await process.wait()
            # The pipe is open for as long as any of its processes is.
            await reader
    except TimeoutError:
        pass
    finally:
        reader.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _kill_left(marker: str) -> list[str]:
    """What still ran 5 s later, killed now."""
    left = await all_gone(marked(marker), timeout_s=5)
    for process in marked(marker):
        os.kill(process.pid, signal.SIGKILL)
        await exited(process)
    return left


async def _assert_nobody_listens(url: str) -> None:
    address = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
    except ConnectionRefusedError:
        return
    writer.close()
    raise AssertionError(f"somebody still listens at {url}")
