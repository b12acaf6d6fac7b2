"""What runs on this machine, as /proc tells it."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Process", "all_gone", "cpu_s", "descendants", "exited", "marked", "rss_mb"]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, order=True)
class Process:
    started: int
    """Clock ticks since the machine started: with the number, it names a process for good."""
    pid: int
    parent: int
    name: str

    def command(self) -> str:
        """Its command line; "" where it is gone."""
        try:
            return (
                Path(f"/proc/{self.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
        except OSError:
            return ""

    def alive(self) -> bool:
        now = _read(self.pid)
        return now is not None and now.started == self.started


def descendants(pid: int) -> list[Process]:
    """Children, their children and so on; the oldest first."""
    children: defaultdict[int, list[Process]] = defaultdict(list)
    for process in _all():
        children[process.parent].append(process)
    found: list[Process] = []
    todo = [pid]
    while todo:
        more = children[todo.pop()]
        found += more
        todo += [process.pid for process in more]
    return sorted(found)


def marked(marker: str) -> list[Process]:
    """The processes that were started with `marker` in their environment, whoever their parent is by now."""
    found = []
    for process in _all():
        try:
            if marker.encode() in Path(f"/proc/{process.pid}/environ").read_bytes():
                found.append(process)
        except OSError:
            continue
    return sorted(found)


async def exited(process: Process, timeout_s: float = 10) -> bool:
    """Wait for its end; False where it still runs after that time."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if not process.alive():
            return True
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(handle, over.set)
        try:
            async with asyncio.timeout(timeout_s):
                await over.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(handle)
        return True
    finally:
        os.close(handle)


async def all_gone(processes: Iterable[Process], timeout_s: float = 10) -> list[str]:
    """Wait for the end of all of them; the commands of those that still run then."""
    waited = {process: exited(process, timeout_s) for process in processes}
    over = await asyncio.gather(*waited.values())
    return [
        f"{process.pid} {process.command()[:200]}"
        for process, gone in zip(waited, over, strict=True)
        if not gone
    ]


def rss_mb(pid: int) -> float:
    """Resident memory, shared pages counted in full."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6


def cpu_s(pid: int) -> float:
    """User and system time of all its threads since it started."""
    fields = _stat_fields(Path(f"/proc/{pid}/stat").read_text())
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _all() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (process := _read(int(entry.name))) is not None:
            yield process


def _read(pid: int) -> Process | None:
    """None for a process that is gone, or is over and only not collected yet."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = _stat_fields(text)
    if fields[0] in ("Z", "X"):
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    return Process(int(fields[19]), pid, int(fields[1]), name)


def _stat_fields(text: str) -> list[str]:
    # The name before may hold anything, brackets and spaces included.
    return text[text.rindex(")") + 2 :].split()
