"""The servers that a profile names: there, with the right key, and with the model or the voice that it wants."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from voicebot.doctor.finding import Finding, Level, Patient
from voicebot.engines import Engine, blame
from voicebot.errors import EngineError, ExtraNotInstalled, VoicebotError
from voicebot.interfaces import Kind, Provider
from voicebot.plugins import Section, create
from voicebot.profile import context_for
from voicebot.tasks import task_group

__all__ = ["engines"]

LONGEST_S = 15.0
"""For one server; a call worker waits `deadlines.warmup_s`."""


async def engines(patient: Patient) -> Iterable[Finding]:
    """Warm up every engine that needs a network, as a call worker would: a key, a model, a voice are checked by that.

    One that does not work is a failure where it has no fallback that does.
    """
    found: list[Finding] = []
    for kind in ("stt", "llm", "tts"):
        chain = patient.resolved.chain(kind)
        remote = [section for section in chain if section.provider_class.capabilities.needs_network]
        async with task_group() as group:
            tasks = [
                group.create_task(_trouble(kind, section, patient), name=f"doctor {section.use}")
                for section in remote
            ]
        troubles = [task.result() for task in tasks]
        helpless = len(remote) == len(chain) and all(troubles)
        for section, error in zip(remote, troubles, strict=True):
            found.append(_finding(kind, section, error, helpless))
    return found or [Finding("engines", "ok", "every engine is inside voicebot: no server is needed")]


def _finding(kind: str, section: Section, error: VoicebotError | None, helpless: bool) -> Finding:
    where = f"{kind} {section.use}"
    if base_url := getattr(section.config, "base_url", ""):
        where += f" at {base_url}"
    if error is None:
        return Finding("engines", "ok", f"{where}: it answers")
    hint = error.hint or "Is the server running, and is its address right? `curl` from this machine tells."
    level: Level = "fail" if helpless else "warn"
    return Finding("engines", level, f"{where}: {error.message}", hint)


async def _trouble(kind: Kind, section: Section, patient: Patient) -> VoicebotError | None:
    try:
        provider: Provider = create(kind, section, context_for(kind, patient.resolved, patient.store))
    except ExtraNotInstalled as error:
        return error
    try:
        with blame(Engine(kind, section.use, section.info.origin, provider)):
            async with asyncio.timeout(LONGEST_S) as scope:
                await provider.warmup()
    except VoicebotError as error:
        # A deadline inside a provider may come out as ours.
        return EngineError(f"no answer within {LONGEST_S:g} s") if scope.expired() else error
    finally:
        await provider.aclose()
    return None
