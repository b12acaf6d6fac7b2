"""Where things are: the installed mediasoup package, the cache, and whether a binary is a worker that starts."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# The worker's own answer to being run by anything but mediasoup's Node library (worker/src/main.cpp).
NOT_MY_FATHER = 41
START_TIMEOUT_S = 20.0
NODE_ARCH = {
    "x86_64": "x64",
    "amd64": "x64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "arm",
    "i686": "ia32",
}


class UserError(Exception):
    """Something the person at the terminal can put right; the message says how. Exit code 2."""


def say(text: str) -> None:
    """One line of progress, to stderr: stdout carries the binary's path and nothing else."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@dataclass(frozen=True)
class Place:
    """One mediasoup package on one machine, and the folder that keeps its worker."""

    package: Path
    version: str
    repository: str
    cache: Path

    @property
    def key(self) -> str:
        """`<version>-<platform>-<arch>`, in Node's words for both."""
        machine = platform.machine().lower()
        return f"{self.version}-{sys.platform}-{NODE_ARCH.get(machine, machine)}"

    @property
    def folder(self) -> Path:
        return self.cache / self.key

    @property
    def binary(self) -> Path:
        return self.folder / "mediasoup-worker"

    @property
    def origin(self) -> Path:
        """A file that says where `binary` came from: `prebuilt` or `source`."""
        return self.folder / "origin"

    @property
    def building(self) -> Path:
        """The build's scratch folder: beside `folder`, so that a finished binary is moved in by one rename."""
        return self.cache / f"{self.key}.building"

    @property
    def log(self) -> Path:
        return self.cache / f"{self.key}.log"

    @property
    def lock(self) -> Path:
        return self.cache / f"{self.key}.lock"


def find_package(start: Path) -> Path:
    """The nearest `node_modules/mediasoup` at or above `start`, the way Node looks for it. Raises UserError."""
    for folder in (start, *start.parents):
        candidate = folder / "node_modules" / "mediasoup"
        if (candidate / "package.json").is_file():
            return candidate
    raise UserError(
        f"mediasoup is not installed at or above {start}: run `npm ci --ignore-scripts` in the folder of sfu's "
        "package.json, or give its folder with --package."
    )


def read_place(package: Path, cache: Path | None = None) -> Place:
    """Read mediasoup's package.json. Raises UserError where `package` is not mediasoup's folder."""
    manifest = package / "package.json"
    try:
        fields = json.loads(manifest.read_text(encoding="utf-8"))
        if fields["name"] != "mediasoup":
            raise UserError(f"{manifest} is the package {fields['name']!r}, not mediasoup.")
        version, repository = str(fields["version"]), str(fields["repository"]["url"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{manifest} is not the package.json of mediasoup ({error!r}); see --package."
        ) from error
    if not version or not set(version) <= set("0123456789abcdefghijklmnopqrstuvwxyz.-+"):
        raise UserError(f"{manifest}: {version!r} is no version.")
    return Place(
        package=package.resolve(),
        version=version,
        repository=repository.removeprefix("git+").removesuffix(".git"),
        cache=cache or default_cache(),
    )


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/voicebot/mediasoup-worker`, or under `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "voicebot" / "mediasoup-worker"


def why_not(binary: Path) -> str | None:
    """None where `binary` is a mediasoup-worker that starts here, else the reason it is not.

    Run without mediasoup's environment it must answer 41; a missing shared library or another libc shows as another
    code. mediasoup's own installer asks the same question.
    """
    if not binary.is_file():
        return "no such file"
    try:
        done = subprocess.run(
            [str(binary.absolute())],
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"it did not exit within {START_TIMEOUT_S:g} s"
    except OSError as error:
        return error.strerror or str(error)
    if done.returncode == NOT_MY_FATHER:
        return None
    words = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    said = f": {words[-1][:200]}" if words else ""
    return f"it exits with {done.returncode} where a mediasoup-worker exits with {NOT_MY_FATHER}{said}"


def keep(place: Place, fresh: Path, origin: str) -> Path:
    """Move a checked binary (same file system) into the cache. One rename: a reader sees the old one or the new."""
    place.folder.mkdir(parents=True, exist_ok=True)
    fresh.chmod(0o755)
    # The note goes first and comes back last, so that it never calls a prebuilt binary a built one.
    place.origin.unlink(missing_ok=True)
    fresh.replace(place.binary)
    place.origin.write_text(origin + "\n", encoding="utf-8")
    return place.binary
