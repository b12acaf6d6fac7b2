"""Used tokens on disk: one is good once after a restart too, and at every front that has the same folder."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from pathlib import Path

from voicebot.access.secrets import AccessError

__all__ = ["UsedTokens"]

_NAME = re.compile(r"[0-9a-f]{64}")
_log = logging.getLogger("voicebot.access")


class UsedTokens:
    """An empty file for each, which is only made where it is not there: of all who try at once, one succeeds.

    What cannot be written is an error in the log and no more: tokens are remembered in memory as well.

    Args:
        folder: the SFU's src/used_tokens.js writes the same.
        lasting_s: how long a token may be good after its use.
    """

    def __init__(self, folder: Path, lasting_s: float) -> None:
        self._folder, self._lasting_s = folder, lasting_s
        self._sweep_at_s = 0.0

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            AccessError: it cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            problem = f"cannot be made: {error.strerror}"
        else:
            problem = "" if os.access(self._folder, os.W_OK | os.X_OK) else "cannot be written"
        if problem:
            raise AccessError(
                f"access.used_tokens: {self._folder} {problem}",
                hint="Name a folder that voicebot may write, or leave it out.",
            )

    def add(self, token_id: str, unix_s: float) -> bool:
        """Remember a token; False where it is there."""
        try:
            os.close(
                os.open(self._path(token_id), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            )
        except FileExistsError:
            return False
        except OSError as error:
            _log.error("a used call token cannot be written: %s", error)
        if unix_s >= self._sweep_at_s:
            self._sweep_at_s = unix_s + self._lasting_s
            self._sweep(unix_s - self._lasting_s)
        return True

    def __contains__(self, token_id: str) -> bool:
        return os.path.lexists(self._path(token_id))  # False also where that cannot be seen

    def _path(self, token_id: str) -> Path:
        # An id is anybody's text.
        return self._folder / hashlib.sha256(token_id.encode("utf-8", "surrogatepass")).hexdigest()

    def _sweep(self, before_s: float) -> None:
        """Delete what has expired: a file is as old as the use of its token."""
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if _NAME.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < before_s:
                        Path(entry).unlink()
        except FileNotFoundError:
            pass  # another front swept at the same time; the rest is for the next time
        except OSError as error:
            _log.error("used call tokens cannot be deleted: %s", error)
