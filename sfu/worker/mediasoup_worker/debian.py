"""What the build needs from the system, asked for by trying it, and named as Debian's packages where it is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mediasoup_worker.place import UserError, say

# What is asked for -> the Debian package that has it. The first answer to a missing pkg-config is pkg-config itself.
COMMANDS = {"cc": "gcc", "c++": "g++", "pkg-config": "pkg-config", "flatc": "flatbuffers-compiler"}
LIBRARIES = {
    "libuv": "libuv1-dev",
    "openssl": "libssl-dev",
    "libsrtp2": "libsrtp2-dev",
    "usrsctp": "libusrsctp-dev",
    "absl_flat_hash_map": "libabsl-dev",
    "flatbuffers": "libflatbuffers-dev",
}
PYTHON_MODULES = {"ensurepip": "python3-venv"}
APT_LISTS = Path("/var/lib/apt/lists")


def has_command(name: str) -> bool:
    return shutil.which(name) is not None


def has_library(name: str) -> bool:
    """Whether pkg-config knows it, and so meson will."""
    return (
        has_command("pkg-config")
        and subprocess.run(["pkg-config", "--exists", name], check=False).returncode == 0
    )


def has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def missing() -> list[str]:
    """The Debian packages to install, sorted; empty where the build can start."""
    asked: tuple[tuple[Callable[[str], bool], dict[str, str]], ...] = (
        (has_command, COMMANDS),
        (has_library, LIBRARIES),
        (has_module, PYTHON_MODULES),
    )
    return sorted({package for has, wanted in asked for name, package in wanted.items() if not has(name)})


def ensure(log: IO[bytes], packages: list[str]) -> None:
    """Install `packages` (as missing() names them) where this process may. Raises UserError with the line to run."""
    if not packages:
        return
    names = " ".join(packages)
    if not has_command("apt-get"):
        raise UserError(f"the build needs what Debian calls {names}: install them, then run this again.")
    if os.geteuid() != 0:
        raise UserError(f"the build needs packages: run `sudo apt-get install -y {names}`, then this again.")
    say(f"installing Debian packages: {names}")
    commands = [["apt-get", "install", "-y", "--no-install-recommends", *packages]]
    if not any(APT_LISTS.glob("*_Packages*")):
        commands.insert(0, ["apt-get", "update"])
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
        if done.returncode != 0:
            raise UserError(
                f"`{' '.join(command)}` failed (see {log.name}): run `apt-get update` and install {names} by hand, "
                "then run this again."
            )
