"""Fetch the worker that mediasoup's authors built, from where mediasoup's own installer does (npm-scripts.mjs)."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from http.client import HTTPException
from pathlib import Path

from mediasoup_worker.place import Place, keep, say, why_not

# For the connection and for each read: a machine without a way out should get on with the build.
TIMEOUT_S = 5.0
MAX_BYTES = 128 * 1024 * 1024


class NoPrebuilt(Exception):
    """There is no prebuilt worker that starts on this machine; the message says why."""


def url(place: Place) -> str:
    """Linux names carry the kernel's major version: from 6 on the worker may use io_uring."""
    base = (
        os.environ.get("MEDIASOUP_WORKER_PREBUILT_DOWNLOAD_BASE_URL")
        or f"{place.repository}/releases/download"
    )
    kernel = f"-kernel{platform.release().split('.')[0]}" if sys.platform == "linux" else ""
    return f"{base.rstrip('/')}/{place.version}/mediasoup-worker-{place.key}{kernel}.tgz"


def fetch(place: Place) -> Path:
    """Download, unpack, check that it starts, keep. Raises NoPrebuilt."""
    address = url(place)
    if not address.startswith(("https://", "http://")):
        raise NoPrebuilt(f"{address} is not a web address")
    say(f"fetching {address}")
    shutil.rmtree(place.building, ignore_errors=True)
    place.building.mkdir(parents=True)
    fresh = place.building / "mediasoup-worker"
    try:
        _download(address, fresh)
        fresh.chmod(0o755)
        reason = why_not(fresh)
        if reason is not None:
            raise NoPrebuilt(f"the prebuilt worker does not run here: {reason}")
        return keep(place, fresh, "prebuilt")
    finally:
        shutil.rmtree(place.building, ignore_errors=True)


def _download(address: str, target: Path) -> None:
    """The one file `mediasoup-worker` of the archive, read as a stream; nothing else of it touches the disk."""
    try:
        with (
            urllib.request.urlopen(address, timeout=TIMEOUT_S) as response,
            tarfile.open(fileobj=response, mode="r|gz") as archive,
        ):
            for member in archive:
                inner = archive.extractfile(member) if Path(member.name).name == "mediasoup-worker" else None
                if inner is None:
                    continue
                if member.size > MAX_BYTES:
                    raise NoPrebuilt(
                        f"{address} holds a worker of {member.size} bytes, over the limit of {MAX_BYTES}"
                    )
                with target.open("wb") as out:
                    shutil.copyfileobj(inner, out)
                if target.stat().st_size != member.size:
                    raise NoPrebuilt(f"{address} ends in the middle of the worker")
                return
    except urllib.error.HTTPError as error:
        error.close()
        raise NoPrebuilt(f"{address} answers {error.code}") from error
    except urllib.error.URLError as error:
        raise NoPrebuilt(f"{address} cannot be reached ({error.reason})") from error
    except (OSError, HTTPException, tarfile.TarError, EOFError, ValueError, zlib.error) as error:
        raise NoPrebuilt(f"{address} could not be read ({error!r})") from error
    raise NoPrebuilt(f"{address} holds no mediasoup-worker")
