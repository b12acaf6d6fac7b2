"""Folders that have to be writable."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from voicebot.doctor.finding import Finding, Patient
from voicebot.link.settings import socket_path

__all__ = ["folders"]


async def folders(patient: Patient) -> Iterable[Finding]:
    """The socket's folder, and where calls are kept, if they are."""
    found, fine = [], []
    for key, folder in _wanted(patient):
        above = _existing(folder)
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            what = f"{key}: {folder} cannot be written"
            do = f"Make it this user's own: install -d -o {_user()} {folder}"
            found.append(Finding("folders", "fail", what, do))
        else:
            fine.append(str(folder))
    if fine and not found:
        found.append(Finding("folders", "ok", f"writable: {', '.join(fine)}"))
    return found


def _wanted(patient: Patient) -> Iterable[tuple[str, Path]]:
    base = patient.resolved.profile.base_dir
    if patient.front is not None:
        yield "transport.socket", socket_path(patient.front, base).parent
    keep = patient.resolved.profile.keep
    if keep.anything:
        yield "keep.folder", base / Path(keep.folder).expanduser()


def _existing(folder: Path) -> Path:
    """The folder, or what exists of the way to it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
