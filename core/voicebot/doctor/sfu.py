"""The SFU: Node.js, its packages, mediasoup's worker, the page. Nothing is fetched or built."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from voicebot.doctor.finding import Finding, Patient

__all__ = ["sfu"]

PROGRAM = "voicebot_transport_mediasoup.program"
"""Imported where a profile uses mediasoup, and not before."""
NOT_MY_FATHER = 41


async def sfu(patient: Patient, environ: Mapping[str, str] = os.environ) -> Iterable[Finding]:
    """Whether a profile's SFU could be started."""
    settings = getattr(patient.front, "sfu", None)
    if settings is None or not settings.start:
        return []
    program = importlib.import_module(PROGRAM)
    given = environ.get("MEDIASOUP_WORKER_BIN")
    # Any program in place of the worker: else it would be built now, which takes minutes.
    assumed = {**environ, "MEDIASOUP_WORKER_BIN": given or sys.executable}
    found = await program.find_program(settings, patient.resolved.profile.base_dir, assumed)
    program.find_page()
    set_up = f"bash {found.folder / 'setup.sh'} {sys.executable}"
    workers = [Path(given)] if given else sorted(_cache(environ).glob("*/mediasoup-worker"))
    if not workers:
        what = (
            f"mediasoup's worker is not there yet, in {_cache(environ)}: the first start fetches or builds it"
        )
        return [Finding("sfu", "warn", what, f"Do it now: {set_up}")]
    if not any([await _starts(worker) for worker in workers]):
        what = f"mediasoup's worker does not start: {workers[-1]} (ldd shows whether it lacks a library)"
        return [Finding("sfu", "fail", what, f"Make it anew: {set_up}")]
    return [Finding("sfu", "ok", f"Node.js at {found.node}, the SFU in {found.folder}")]


def _cache(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache"
    return Path(base) / "voicebot" / "mediasoup-worker"


async def _starts(worker: Path) -> bool:
    """Whether it is a mediasoup-worker that runs here: without its parent's environment it exits with 41."""
    try:
        process = await asyncio.create_subprocess_exec(
            worker, env={}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    try:
        return await process.wait() == NOT_MY_FATHER
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
