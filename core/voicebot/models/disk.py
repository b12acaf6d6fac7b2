"""Putting files in place: whole and checked, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from voicebot.errors import ChecksumMismatch, ModelError
from voicebot.models.store import file_sha256

__all__ = ["check", "need_space", "placing", "remove_leftovers", "writing"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError of the body into a ModelError that says what to do.

    Raises:
        ModelError: the disk is full, the folder is read-only, ...
    """
    try:
        yield
    except OSError as error:
        todo = "Free some space" if error.errno in _FULL else "Make the folder writable"
        raise ModelError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint=f"{todo}, or set VOICEBOT_MODELS_DIR to a folder on another disk.",
        ) from error


def need_space(folder: Path, size: int) -> None:
    """Check that `size` more bytes fit.

    Raises:
        ModelError: they do not.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    if free < size:
        raise ModelError(
            f"Not enough room in {folder}: {size / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free.",
            hint="Free some space, or set VOICEBOT_MODELS_DIR to a folder on another disk.",
        )


def check(path: Path, *, size: int, sha256: str, what: str) -> None:
    """Compare a file with the manifest.

    Raises:
        ChecksumMismatch: it has other bytes.
    """
    found = path.stat().st_size
    if found != size:
        raise ChecksumMismatch(f"{what} has {found} bytes, expected {size}.")
    got = file_sha256(path)
    if got != sha256:
        raise ChecksumMismatch(f"{what} has other bytes than it should: sha256 is {got}, expected {sha256}.")


@contextmanager
def placing(target: Path) -> Iterator[Path]:
    """A path to write to, beside the target; it becomes the target if the body succeeds, else it is removed.

    Raises:
        ModelError: it cannot be written.
    """
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield draft
            _sync(draft)
            draft.replace(target)
            _sync(target.parent)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete the drafts of a process that was killed. Only while the store is locked."""
    for draft in folder.glob(".*.tmp*"):
        with suppress(OSError):
            draft.unlink()


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
