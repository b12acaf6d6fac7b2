"""Running the checks: all at once, each within its time, none able to end the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from voicebot.doctor.access import access
from voicebot.doctor.engines import engines
from voicebot.doctor.finding import Check, Finding, Patient
from voicebot.doctor.folders import folders
from voicebot.doctor.machine import cores, memory
from voicebot.doctor.network import address, ports
from voicebot.doctor.page import page
from voicebot.doctor.parts import models, packages, sound
from voicebot.doctor.sfu import sfu
from voicebot.doctor.stun import stun
from voicebot.doctor.wall_clock import clock
from voicebot.errors import VoicebotError
from voicebot.tasks import task_group

__all__ = ["CHECKS", "examine"]

CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        packages, models, sound, sfu, engines, clock, cores, memory, folders, ports, address, stun, page,
        access,
    )
}  # fmt: skip
"""By name, in the order of the report."""

LONGEST_S = 30.0


async def examine(
    patient: Patient, checks: Mapping[str, Check] = CHECKS, longest_s: float = LONGEST_S
) -> list[Finding]:
    """Run all checks.

    Args:
        longest_s: how long each may take.

    Returns:
        what they found, in their order; a check that fails by itself is a finding.
    """
    async with task_group() as group:
        tasks = [
            group.create_task(_run(name, check, patient, longest_s), name=f"doctor {name}")
            for name, check in checks.items()
        ]
    return [finding for task in tasks for finding in task.result()]


async def _run(name: str, check: Check, patient: Patient, longest_s: float) -> list[Finding]:
    try:
        async with asyncio.timeout(longest_s):
            return list(await check(patient))
    except TimeoutError:
        return [
            Finding(name, "warn", f"no result within {longest_s:g} s", "Try again when less is going on.")
        ]
    except VoicebotError as error:
        return [Finding(name, "fail", error.message, error.hint)]
    except Exception as error:
        what = f"the check itself failed: {type(error).__name__}: {error}"
        return [Finding(name, "warn", what, "This is a fault of voicebot: please report it.")]
