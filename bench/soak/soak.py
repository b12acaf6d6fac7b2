"""Calls without end: see README.md beside this."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.soak.admission import over_admission
from bench.soak.cycles import cycles
from bench.soak.disk import small_disk
from bench.soak.faults import CALLS, FAULTS, faults
from bench.soak.recording import recording
from bench.soak.serving import serving

__all__ = ["main"]

DISK = 32 * 1024 * 1024


async def _cycles(folder: Path, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    async with serving(folder, options.calls) as server:
        result = await cycles(server, options.count, lines=options.calls)
    well = not result["grown"] and result["rss_grown_mb"] <= options.rss_mb and not result["kept"]["problems"]
    return {**result, "lines": server.lines}, well


async def _faults(folder: Path, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    rng = random.Random(options.seed)
    which = [rng.choice(list(FAULTS)) for _ in range(options.count)]
    async with AsyncExitStack() as stack:
        try:
            disk = await stack.enter_async_context(small_disk(DISK))
        except OSError as error:
            raise SystemExit(
                f"A disk that can be full takes a user namespace, and there is none: {error}"
            ) from error
        server = await stack.enter_async_context(serving(folder, CALLS, kept=disk))
        result = await faults(server, which, options.seed)
    return {**result, "lines": server.lines}, not result["wrong"] and not result["kept"]["problems"]


async def _over_admission(folder: Path, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    async with serving(folder, options.calls) as server:
        result = await over_admission(server, options.calls)
    return {**result, "lines": server.lines}, set(result["refused"]) == {"busy"}


async def _recording(folder: Path, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    return await recording(folder, options.count), True


RUNS = {"cycles": _cycles, "faults": _faults, "over-admission": _over_admission, "recording": _recording}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak.soak", description=__doc__)
    parser.add_argument("what", choices=RUNS)
    parser.add_argument(
        "--count", type=int, default=20, help="cycles of each line, rounds, or pairs of calls"
    )
    parser.add_argument(
        "--calls", type=int, default=2, help="calls at once (lines of cycles, room of over-admission)"
    )
    parser.add_argument("--seed", type=int, default=1, help="decides which faults come")
    parser.add_argument("--rss-mb", type=float, default=50.0, help="by how much memory may grow in cycles")
    parser.add_argument("--json", type=Path, help="where to write the result")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vb-") as name:
        result, well = asyncio.run(RUNS[options.what](Path(name), options))
    text = json.dumps(result, indent=1)
    if options.json is not None:
        options.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
