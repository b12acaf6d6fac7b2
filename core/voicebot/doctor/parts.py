"""What has to be installed: engines' packages, models, the sound codec."""

from __future__ import annotations

from collections.abc import Iterable

from voicebot.doctor.finding import Finding, Patient
from voicebot.errors import ExtraNotInstalled, ModelMissing
from voicebot.plugins import create, ensure_installed
from voicebot.profile import context_for, required_models

__all__ = ["models", "packages", "sound"]


async def packages(patient: Patient) -> Iterable[Finding]:
    """The Python packages of every engine that the profile names, fallbacks included."""
    found = []
    for chain in patient.resolved.chains.values():
        for section in chain:
            try:
                ensure_installed(section.info, section.provider_class)
            except ExtraNotInstalled as error:
                found.append(Finding("packages", "fail", error.message, error.hint))
    return found or [Finding("packages", "ok", "the engines' packages are installed")]


async def models(patient: Patient) -> Iterable[Finding]:
    """The model files, by name and size."""
    found, names = [], required_models(patient.resolved)
    for name in names:
        try:
            patient.store.path(name)
        except ModelMissing as error:
            found.append(Finding("models", "fail", error.message, error.hint))
    present = f"all {len(names)} are here: {', '.join(names)}" if names else "the profile needs none"
    return found or [Finding("models", "ok", present)]


async def sound(patient: Patient) -> Iterable[Finding]:
    """What the transport loads before its first call: libopus, above all."""
    section = patient.resolved.section("transport")
    context = context_for("transport", patient.resolved, patient.store)
    try:
        provider = create("transport", section, context)
    except ExtraNotInstalled:
        return []  # `packages` says so
    try:
        await provider.warmup()
    finally:
        await provider.aclose()
    return [Finding("sound", "ok", f"the transport {section.use!r} can be loaded")]
