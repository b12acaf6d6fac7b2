"""Cores and memory for the calls that a profile takes at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from voicebot.doctor.finding import Finding, Patient
from voicebot.interfaces import Kind
from voicebot.models.store import looks_like_path
from voicebot.plugins import Section
from voicebot.profile.resolve import section_models

__all__ = ["cores", "memory", "memory_limit"]

WORKER_MB = 200
"""A call worker without its models, measured (RSS): Python, onnxruntime, the VAD and the end-of-turn model."""
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


async def cores(patient: Patient) -> Iterable[Finding]:
    """Whether each call's busiest engine finds its threads a core."""
    here = len(os.sched_getaffinity(0))
    profile = patient.resolved.profile
    threads = {
        kind: getattr(profile.threads, kind) for kind in ("stt", "llm", "tts") if _local(patient, kind)
    }
    busiest = max(threads, key=lambda kind: threads[kind], default="")
    each = threads.get(busiest, 1)
    seen = f"{here} cores"
    if each > here:
        what = f"{seen}, and threads.{busiest} is {each}: they only wait for each other"
        return [Finding("cores", "fail", what, f"Set threads.{busiest} to {here} at most.")]
    if here < 2:
        what = f"{seen}: hearing, thinking and speaking share it"
        return [Finding("cores", "warn", what, "Take a machine with two cores or more.")]
    if profile.calls * each > here:
        what = (
            f"{seen} for {profile.calls} calls at once of up to {each} busy threads each (threads.{busiest})"
        )
        do = (
            f"Answers come late when all of them talk: lower `calls` to {max(1, here // each)}, or add cores."
        )
        return [Finding("cores", "warn", what, do)]
    return [Finding("cores", "ok", f"{seen} for {profile.calls} calls at once")]


async def memory(patient: Patient) -> Iterable[Finding]:
    """Whether every call worker's models fit into memory. An estimate: engines take more than their files."""
    profile = patient.resolved.profile
    models_mb = sum(
        _model_mb(section, patient) for chain in patient.resolved.chains.values() for section in chain
    )
    need_mb = profile.calls * (WORKER_MB + models_mb)
    limit = memory_limit()
    free_mb = min(psutil.virtual_memory().available, limit if limit is not None else 2**63) / 1e6
    seen = f"{profile.calls} call workers want about {need_mb:.0f} MB, and {free_mb:.0f} MB are free"
    if need_mb > free_mb:
        return [Finding("memory", "fail", seen, "Lower `calls`, take smaller models, or add memory.")]
    if need_mb > 0.7 * free_mb:
        return [
            Finding("memory", "warn", seen, "There is little to spare: watch it (`voicebot_*` in /metrics).")
        ]
    return [Finding("memory", "ok", seen)]


def memory_limit(file: Path = CGROUP_LIMIT) -> int | None:
    """Bytes that a container or a systemd unit may take; None where there is no limit."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _local(patient: Patient, kind: Kind) -> bool:
    return any(
        not section.provider_class.capabilities.needs_network for section in patient.resolved.chain(kind)
    )


def _model_mb(section: Section, patient: Patient) -> float:
    sizes = 0.0
    for name in section_models(section):
        if name in patient.store.manifest.models:
            sizes += patient.store.manifest.models[name].size
        elif looks_like_path(name):
            sizes += _bytes(patient.store.base_dir / Path(name).expanduser())
    return sizes / 1e6


def _bytes(path: Path) -> int:
    try:
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)
    except (OSError, RuntimeError):
        return 0
