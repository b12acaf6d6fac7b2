"""The folder of kept calls: looking, exporting, deleting."""

from __future__ import annotations

import errno
import logging
import math
import os
import tempfile
import time
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from voicebot.errors import VoicebotError
from voicebot.keeping.files import AUDIO_SUFFIX, LOG_SUFFIX, is_stem
from voicebot.plugins import nearest
from voicebot.profile import Profile

__all__ = ["CallStore", "KeptCall", "folder_of", "prepare"]

_DAY_S = 86_400.0
_PRUNE_EVERY_S = 3_600.0
_pruned_s: dict[Path, float] = {}
"""When this process last looked through a folder for what is too old."""
_FULL = (errno.ENOSPC, errno.EDQUOT)

_log = logging.getLogger("voicebot.keeping")


@dataclass(frozen=True, slots=True)
class KeptCall:
    """What there is of a call."""

    id: str
    log: Path | None
    recording: Path | None
    size: int
    """Bytes of both."""
    changed_at: float
    """When something was last written, in seconds of Unix time."""

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.log, self.recording) if path is not None]


class CallStore:
    """Reads and deletes in a folder what keepers wrote there, and touches nothing else.

    Files that are not named as theirs are not looked at, nor are links.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def calls(self) -> list[KeptCall]:
        """All calls, the oldest first.

        Raises:
            VoicebotError: the folder cannot be read.
        """
        found: dict[str, dict[str, tuple[Path, os.stat_result]]] = {}
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    for suffix in (LOG_SUFFIX, AUDIO_SUFFIX):
                        stem = entry.name.removesuffix(suffix)
                        if stem != entry.name and is_stem(stem) and entry.is_file(follow_symlinks=False):
                            with suppress(FileNotFoundError):  # deleted since
                                status = entry.stat(follow_symlinks=False)
                                found.setdefault(stem, {})[suffix] = (Path(entry.path), status)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise VoicebotError(f"{self.folder}: cannot be read: {error.strerror}") from error
        calls = [_kept(stem, files) for stem, files in found.items()]
        return sorted(calls, key=lambda call: (call.changed_at, call.id))

    def find(self, call_id: str) -> KeptCall:
        """One call.

        Raises:
            VoicebotError: there is nothing of it.
        """
        calls = {call.id: call for call in self.calls()}
        if call_id in calls:
            return calls[call_id]
        close = nearest(call_id, calls)
        hint = f"Did you mean {close}?" if close else "`voicebot calls list` shows which there are."
        raise VoicebotError(f"{self.folder}: nothing is kept of a call {call_id!r}.", hint=hint)

    def delete(self, calls: Iterable[KeptCall]) -> int:
        """Delete calls; one that somebody else deleted meanwhile is fine.

        Returns:
            How many calls there were.

        Raises:
            VoicebotError: a file cannot be deleted.
        """
        count = 0
        for call in calls:
            for path in call.files:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise VoicebotError(f"{path}: cannot be deleted: {error.strerror}") from error
            count += 1
        return count

    def older_than(self, days: float, *, at: float | None = None) -> list[KeptCall]:
        """Calls to which nothing was written for so many days.

        Args:
            at: now, in Unix time; the machine's own clock by default.
        """
        limit = (time.time() if at is None else at) - days * _DAY_S
        return [call for call in self.calls() if call.changed_at < limit]

    def prune(self, days: int | None) -> int:
        """Delete what is older than that; None keeps everything. Returns how many calls were deleted.

        Raises:
            VoicebotError: the folder cannot be read, or a file not be deleted.
        """
        return 0 if days is None else self.delete(self.older_than(days))

    def prune_when_due(self, days: int | None, at_s: float) -> int:
        """`prune`, where this process did not do so within the hour: it is no work for after each of many calls.

        Args:
            at_s: on a clock that only goes on.

        Raises:
            VoicebotError: as `prune`.
        """
        if at_s - _pruned_s.get(self.folder, -math.inf) < _PRUNE_EVERY_S:
            return 0
        _pruned_s[self.folder] = at_s
        return self.prune(days)

    def export(self, call: KeptCall, target: Path) -> None:
        """Write what there is of a call into a zip, which appears whole or not at all.

        Raises:
            VoicebotError: it cannot be written, or the call not be read.
        """
        part: Path | None = None
        try:
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            part = Path(name)
            with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in call.files:
                    archive.write(path, path.name)
            part.replace(target)
        except OSError as error:
            if part is not None:
                part.unlink(missing_ok=True)
            raise VoicebotError(f"{target}: cannot be written: {error.strerror}") from error


def folder_of(profile: Profile) -> Path:
    """Where a profile's calls are kept."""
    return profile.base_dir / Path(profile.keep.folder).expanduser()


def prepare(profile: Profile) -> None:
    """Before the first call: the folder is there, what is too old in it is deleted, libraries are loaded.

    Nothing happens where the profile keeps nothing. A full disk is logged and no more: it is no reason to take no
    calls. It blocks.

    Raises:
        VoicebotError: nothing can be written there.
    """
    keep, folder = profile.keep, folder_of(profile)
    if not keep.anything:
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        problem = f"{folder}: calls cannot be kept there: {error.strerror}"
        if error.errno not in _FULL:
            raise VoicebotError(problem, hint="`keep.folder` in the profile says where.") from error
        _log.error("%s", problem)
    if keep.recording:
        import soundfile  # noqa: F401  # not in the first call
    if deleted := CallStore(folder).prune(keep.days):
        _log.info("%d calls of more than %d days ago are deleted", deleted, keep.days)


def _kept(stem: str, files: dict[str, tuple[Path, os.stat_result]]) -> KeptCall:
    return KeptCall(
        stem,
        files[LOG_SUFFIX][0] if LOG_SUFFIX in files else None,
        files[AUDIO_SUFFIX][0] if AUDIO_SUFFIX in files else None,
        sum(status.st_size for _, status in files.values()),
        max(status.st_mtime for _, status in files.values()),
    )
