"""Scenarios in a file: a sha256 of all that follows, then a numpy archive with an index in JSON."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.audio import Samples
from voicebot.bench import scenario as contract
from voicebot.bench.scenario import Barge, BenchTurn, Pause, Scenario
from voicebot.errors import VoicebotError

__all__ = ["load", "place", "recipe_version", "store"]

_DIGEST_BYTES = 32
_AUDIO = ("turn", "barge", "noise")
_EMPTY: Samples = np.zeros(0, np.int16)


def recipe_version() -> str:
    """Changes with the recipe's own source: nobody has to remember to count it up."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return _hash(*(file.read_bytes() for file in (*files, Path(contract.__file__))))[:16]


def place(cache_dir: Path, seed: int, size: int, versions: Mapping[str, str]) -> Path:
    """The file of a set of scenarios."""
    key = json.dumps([recipe_version(), seed, size, dict(versions)], sort_keys=True)
    return cache_dir / f"calls-{size}-{_hash(key.encode())[:16]}.npz"


def load(file: Path) -> list[Scenario] | None:
    """The scenarios in a file, or None where it is absent or not what was stored."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        index = json.loads(archive["index"].tobytes())
        return [_scenario(number, entry, archive) for number, entry in enumerate(index)]


def store(file: Path, scenarios: Sequence[Scenario]) -> None:
    """Write scenarios, whole or not at all.

    Raises:
        VoicebotError: the folder cannot be written.
    """
    arrays: dict[str, Any] = {}
    for number, scenario in enumerate(scenarios):
        arrays[f"{number}.turn"] = scenario.turn.audio
        if scenario.barge is not None:
            arrays[f"{number}.barge"] = scenario.barge.audio
        if scenario.noise is not None:
            arrays[f"{number}.noise"] = scenario.noise
    index = json.dumps([_entry(scenario) for scenario in scenarios]).encode()
    body = io.BytesIO()
    np.savez(body, index=np.frombuffer(index, np.uint8), **arrays)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(hashlib.sha256(body.getvalue()).digest() + body.getvalue())
        draft.replace(file)
    except OSError as error:
        raise VoicebotError(
            f"The bench's recordings cannot be kept: {file.parent}: {error.strerror or error}.",
            hint="Free some space, or choose another folder.",
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _entry(scenario: Scenario) -> dict[str, Any]:
    """All but the samples."""
    turn = replace(scenario.turn, audio=_EMPTY)
    barge = None if scenario.barge is None else replace(scenario.barge, audio=_EMPTY)
    entry = asdict(replace(scenario, turn=turn, barge=barge, noise=None))
    for part in ("turn", "barge"):
        if entry[part] is not None:
            del entry[part]["audio"]
    return entry


def _scenario(number: int, entry: dict[str, Any], archive: Any) -> Scenario:
    audio = {part: archive[f"{number}.{part}"] for part in _AUDIO if f"{number}.{part}" in archive}
    turn = entry["turn"]
    turn["pauses"] = tuple(Pause(**pause) for pause in turn["pauses"])
    entry["turn"] = BenchTurn(**turn, audio=audio["turn"])
    if entry["barge"] is not None:
        entry["barge"] = Barge(**entry["barge"], audio=audio["barge"])
    entry["noise"] = audio.get("noise")
    return Scenario(**entry)
