"""A disk that can be full: a tmpfs of its own, which needs no rights and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

__all__ = ["fill", "small_disk"]

MOUNT = 'mount -t tmpfs -o size="$0",mode=700 tmpfs /mnt && echo mounted && exec cat'
"""In a namespace of its own: nobody else sees it at /mnt, and it goes with the process."""
FILLER = "filler"


@asynccontextmanager
async def small_disk(size: int) -> AsyncIterator[Path]:
    """A folder on an empty disk of so many bytes.

    Raises:
        OSError: the system has no namespaces for its users (Linux has, unless that is turned off).
    """
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, str(size)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        if await process.stdout.readline() != b"mounted\n":
            raise OSError((await process.stderr.read()).decode().strip())
        yield Path(f"/proc/{process.pid}/root/mnt")
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def fill(folder: Path) -> Path:
    """A file that takes what room there is, until it is deleted."""
    path = folder / FILLER
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * os.statvfs(folder).f_bsize):
            pass
    return path
