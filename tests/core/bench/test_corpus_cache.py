"""What is read from the cache is what was stored, or nothing."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.bench.corpus import cache
from voicebot.bench.scenario import Barge, BenchTurn, Pause, Scenario
from voicebot.errors import VoicebotError


def sound(count: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.arange(count, dtype=np.int16)


def same(one: object, other: object) -> bool:
    """Dataclasses with arrays in them have no `==` of their own."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, Scenario | BenchTurn | Barge):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    return one == other


TURN = BenchTurn(
    "a-01", "pause", "Well, “yes”.", sound(320), 0.0, 0.02, "piper joe", (Pause(0.25, 0.5),), 10.0
)
SCENARIOS = [
    Scenario("a-01", TURN, noise=sound(50)),
    Scenario("b-01", TURN, Barge("b-01", "cough", "", sound(99), 0.0, 0.1, "synthetic", 1.5)),
    Scenario("c-01", TURN, Barge("c-01", "echo", "", sound(0), 0.0, 0.0, "", 0.0), -12.5, 80.0),
]


def test_a_round_trip(tmp_path: Path) -> None:
    file = cache.place(tmp_path / "new", 1, 3, {"engine": "1"})
    assert cache.load(file) is None
    cache.store(file, SCENARIOS)
    loaded = cache.load(file)
    assert loaded is not None
    assert len(loaded) == 3
    assert all(same(one, other) for one, other in zip(loaded, SCENARIOS, strict=True))
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_place_depends_on_all_that_the_samples_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def places() -> list[Path]:
        return [
            cache.place(tmp_path, seed, size, {"engine": version})
            for seed in (1, 2)
            for size in (9, 10)
            for version in ("1", "2")
        ]

    before = places()
    assert before == places()
    assert len(set(before)) == 8
    monkeypatch.setattr(cache, "recipe_version", lambda: "another")
    assert not set(before) & set(places())


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_no_file(tmp_path: Path, data: st.DataObject) -> None:
    file = tmp_path / "calls.npz"
    cache.store(file, SCENARIOS)
    stored = file.read_bytes()
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(stored) - 1))
        wrong = bytes([stored[place] ^ data.draw(st.integers(1, 255))])
        file.write_bytes(stored[:place] + wrong + stored[place + 1 :])
    else:
        file.write_bytes(stored[: data.draw(st.integers(0, len(stored) - 1))])
    assert cache.load(file) is None


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_no_file(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "calls.npz"
    file.write_bytes(data)
    assert cache.load(file) is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(VoicebotError, match="cannot be kept"):
        cache.store(tmp_path / "taken" / "calls.npz", SCENARIOS)
