"""Build the worker from the source that the npm package carries, against the system's libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import IO

from mediasoup_worker import debian
from mediasoup_worker.place import Place, UserError, keep, say, why_not
from mediasoup_worker.progress import Progress
from mediasoup_worker.recipe import prepare

# From PyPI, into a virtual environment that lives as long as the build: Debian 12's meson is older than mediasoup asks.
TOOLS = ("meson==1.12.1", "ninja==1.13.0")
MESON_OPTIONS = ("--buildtype", "release", "-Db_ndebug=true", "-Dms_disable_liburing=true")
TAIL_LINES = 25


class BuildFailed(Exception):
    """A step of the build failed; the message holds the end of the log and the log's path."""


def build(place: Place) -> Path:
    """Everything from the missing packages to the checked binary in the cache.

    Raises UserError (packages missing, a patch that does not fit) and BuildFailed. What happened is in `place.log`.
    The caller holds `place.lock`.
    """
    source = place.package / "worker"
    if not (source / "meson.build").is_file():
        raise UserError(
            f"{source} has no worker source to build: reinstall mediasoup (`npm ci --ignore-scripts`)."
        )
    place.cache.mkdir(parents=True, exist_ok=True)
    with place.log.open("wb", buffering=0) as log:
        debian.ensure(log, debian.missing())
        still = debian.missing()
        if still:
            raise UserError(f"installed, and still not found: {' '.join(still)} (see {place.log}).")
        say(f"building mediasoup-worker {place.version} from source, a few minutes; log: {place.log}")
        shutil.rmtree(place.building, ignore_errors=True)
        place.building.mkdir()
        return _build(place, source, log)


def _build(place: Place, source: Path, log: IO[bytes]) -> Path:
    tree, out, tools = place.building / "worker", place.building / "out", place.building / "venv"
    prepare(source, tree)
    binaries = tools / "bin"
    environment = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "NINJA": str(binaries / "ninja"),
        # ninja's words are read below, meson's are for the log: both plain.
        "NINJA_STATUS": "[%f/%t] ",
        "LC_ALL": "C.UTF-8",
    }
    jobs = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    meson, ninja = str(binaries / "meson"), str(binaries / "ninja")
    steps: tuple[tuple[str, list[str]], ...] = (
        ("making a virtual environment", [sys.executable, "-m", "venv", str(tools)]),
        ("fetching meson and ninja", [str(binaries / "python"), "-m", "pip", "install", "--quiet", *TOOLS]),
        ("configuring", [meson, "setup", *MESON_OPTIONS, str(out), str(tree)]),
        # Before anything is compiled: the sources include these headers and do not say so to ninja. Only meson knows
        # the target by this name.
        ("generating headers", [meson, "compile", "-C", str(out), "flatbuffers-generator"]),
        ("compiling", [ninja, "-C", str(out), "-j", jobs, "mediasoup-worker"]),
    )
    for what, command in steps:
        say(what)
        run_step(what, command, environment, log)
    fresh = out / "mediasoup-worker"
    reason = why_not(fresh)
    if reason is not None:
        raise BuildFailed(f"the worker was built but does not run: {reason} (see {place.log})")
    kept = keep(place, fresh, "source")
    shutil.rmtree(place.building, ignore_errors=True)
    return kept


def run_step(what: str, command: list[str], environment: dict[str, str], log: IO[bytes]) -> None:
    """Run one command, its output into the log and its last lines into the error. Raises BuildFailed."""
    log.write(f"\n$ {' '.join(command)}\n".encode())
    last: deque[str] = deque(maxlen=TAIL_LINES)
    progress = Progress(what, sys.stderr)
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        try:
            for raw in process.stdout:
                log.write(raw)
                line = raw.decode("utf-8", "replace").rstrip()
                last.append(line[:500])
                progress.feed(line)
        except BaseException:
            process.terminate()
            raise
        finally:
            progress.close()
    if process.returncode != 0:
        tail = "\n".join(f"  {line}" for line in last)
        raise BuildFailed(
            f"{what} failed (exit code {process.returncode}). The end of the log:\n{tail}\nThe log: {log.name}"
        )
