"""A Unix socket to listen on: for this user only, never another server's."""

from __future__ import annotations

import contextlib
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voicebot.errors import EngineError

__all__ = ["unix_socket"]

BACKLOG = 128


@contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """Bind a socket at `path`, mode 0600; its file is removed at the end.

    A socket file on which nobody listens is replaced.

    Raises:
        EngineError: somebody listens there, something else than a socket is there, or it cannot be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(path)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise _impossible(path, error) from error
    with server:
        try:
            server.bind(str(path))
            # Nobody can connect before `listen`, so nobody gets in before the mode is set.
            path.chmod(0o600)
            server.listen(BACKLOG)
            server.setblocking(False)
            identity = _identity(path)
        except OSError as error:
            raise _impossible(path, error) from error
        try:
            yield server
        finally:
            with contextlib.suppress(OSError):
                if _identity(path) == identity:  # and not that of a server that has replaced it
                    path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise EngineError(
            f"{path} is in the way: it is not a socket",
            hint="Remove it, or set transport.socket to another path.",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except TimeoutError:
            pass  # its backlog is full: somebody listens
    raise EngineError(
        f"another server already listens at {path}",
        hint="Stop the other `voicebot run`, or set transport.socket and transport.port to others.",
    )


def _impossible(path: Path, error: OSError) -> EngineError:
    return EngineError(
        f"the socket {path} cannot be made: {error.strerror or error}",
        hint="Set transport.socket to a path in a folder of yours.",
    )
