"""What a process and everything that it has started hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import psutil

__all__ = ["Census", "census", "find"]


@dataclass(frozen=True)
class Census:
    """Of all processes together."""

    processes: int
    threads: int
    files: int
    """File descriptors, sockets included."""
    sockets: int
    ports: int
    """UDP and TCP sockets with a port of their own."""
    rss_mb: float

    def more_than(self, before: Census, *, spare_threads: int = 0) -> dict[str, float]:
        """What has grown, and by how much; memory aside.

        Args:
            spare_threads: so many more are no growth: a pool gets another one when jobs happen to coincide.
        """
        mine, theirs = asdict(self), asdict(before)
        theirs["threads"] += spare_threads
        return {
            name: mine[name] - theirs[name] for name in mine if name != "rss_mb" and mine[name] > theirs[name]
        }


def census(pid: int) -> Census:
    """
    Raises:
        psutil.Error: the process is over.
    """
    root = psutil.Process(pid)
    total: Counter[str] = Counter()
    rss = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                connections = process.net_connections("all")
                total.update(
                    processes=1,
                    threads=process.num_threads(),
                    files=process.num_fds(),
                    sockets=len(connections),
                    ports=sum(bool(one.laddr) and not isinstance(one.laddr, str) for one in connections),
                )
                rss += process.memory_info().rss / 1e6
        except psutil.NoSuchProcess:
            if process is root:
                raise
    return Census(
        **{name: total[name] for name in ("processes", "threads", "files", "sockets", "ports")}, rss_mb=rss
    )


def find(pid: int, part: str) -> list[psutil.Process]:
    """The processes that one has started, directly or not, with this in their command line."""
    found: list[Any] = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            if part in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found
