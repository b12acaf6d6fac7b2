"""Calls begin, talk and hang up over the real SFU, a few times: bench/soak does it a thousand times."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.soak.census import Census
from bench.soak.soak import cycles, faults, over_admission

GROWN_MB = 40
"""Memory that a server may take in its first calls."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vb-") as name:
        yield Path(name)


def test_nothing_grows_from_call_to_call(folder: Path) -> None:
    result = asyncio.run(cycles(folder, 10, warm=3))
    assert result["grown"] == {}
    assert result["rss_grown_mb"] < GROWN_MB
    assert result["answered_ms"]["count"] == 10
    assert result["lines"] == []


def test_whoever_finds_no_room_is_told_at_once_and_nobody_else_notices(folder: Path) -> None:
    result = asyncio.run(over_admission(folder, calls=1, questions=2))
    assert set(result["refused"]) == {"busy"}
    assert result["accepted_ms"]["count"] == 2
    assert result["lines"] == []


def test_what_is_killed_takes_only_its_own_call_with_it(folder: Path) -> None:
    result = asyncio.run(faults(folder, 2, seed=3))
    assert result["wrong"] == []


def test_a_census_says_what_has_grown() -> None:
    before = Census(3, 40, 100, 20, 4, 500.0)
    assert Census(3, 40, 100, 20, 4, 900.0).more_than(before) == {}
    assert Census(4, 39, 107, 20, 4, 500.0).more_than(before) == {"processes": 1, "files": 7}
