"""Running one check."""

from __future__ import annotations

import asyncio

from voicebot.doctor import CHECKS, Finding, Patient, examine

__all__ = ["look", "look_soon", "only"]


def look(name: str, patient: Patient) -> list[Finding]:
    """What one check finds."""
    return asyncio.run(look_soon(name, patient))


async def look_soon(name: str, patient: Patient) -> list[Finding]:
    return await examine(patient, {name: CHECKS[name]})


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding
