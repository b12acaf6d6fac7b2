"""Calls begin, talk and hang up over the real SFU, a few times: bench/soak does it a thousand times."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from bench.soak.admission import over_admission
from bench.soak.census import Census
from bench.soak.cycles import cycles
from bench.soak.disk import small_disk
from bench.soak.faults import faults
from bench.soak.serving import Server, serving

GROWN_MB = 40
"""Memory that a server may take in its first calls."""

T = TypeVar("T")


class Soak:
    """A server for all tests, and the loop that it belongs to."""

    def __init__(self, runner: asyncio.Runner, server: Server) -> None:
        self._runner = runner
        self.server = server

    def run(self, work: Coroutine[Any, Any, T]) -> tuple[T, list[str]]:
        """What comes of it, and what the server has printed meanwhile."""
        before = len(self.server.lines)
        return self._runner.run(work), self.server.lines[before:]


@pytest.fixture(scope="module")
def soak() -> Iterator[Soak]:
    with tempfile.TemporaryDirectory(prefix="vb-") as name, asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def start() -> Server:
            disk = None
            with suppress(OSError):  # not every container lets its users have namespaces
                disk = await stack.enter_async_context(small_disk(16 * 1024 * 1024))
            return await stack.enter_async_context(serving(Path(name), 2, kept=disk))

        server = runner.run(start())
        try:
            yield Soak(runner, server)
        finally:
            runner.run(stack.aclose())


def test_nothing_grows_from_call_to_call_and_all_of_each_is_kept(soak: Soak) -> None:
    result, lines = soak.run(cycles(soak.server, 3, lines=2, warm=2))
    assert result["grown"] == {}
    assert result["rss_grown_mb"] < GROWN_MB
    assert result["answered_ms"]["count"] == 6
    assert result["kept"]["problems"] == []
    assert lines == []


def test_whoever_finds_no_room_is_told_at_once_and_nobody_else_notices(soak: Soak) -> None:
    result, lines = soak.run(over_admission(soak.server, 2, questions=1))
    assert set(result["refused"]) == {"busy"}
    assert result["accepted_ms"]["count"] == 2
    assert lines == []


def test_a_fault_reaches_only_the_call_that_it_has_to_and_what_is_kept_is_whole(soak: Soak) -> None:
    of_its_own = soak.server.kept.is_mount()
    which = ["engine stall", "call worker", *(["disk full"] if of_its_own else [])]
    result, _ = soak.run(faults(soak.server, which))
    assert result["wrong"] == []
    assert (result["lost"], result["unharmed"]) == (1, 2 * len(which) - 1)
    assert result["kept"]["problems"] == []
    assert result["kept"]["stopped"] == 2 * of_its_own


def test_a_census_says_what_has_grown() -> None:
    before = Census(3, 40, 100, 20, 4, 500.0)
    assert Census(3, 40, 100, 20, 4, 900.0).more_than(before) == {}
    assert Census(4, 39, 107, 20, 4, 500.0).more_than(before) == {"processes": 1, "files": 7}
