"""Finding what the SFU is made of: Node.js, its folder, its packages, mediasoup's worker binary, the page."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from voicebot.errors import EngineError
from voicebot_transport_mediasoup.config import SfuSettings

__all__ = ["SfuProgram", "find_page", "find_program"]

OLDEST_NODE = 20


@dataclass(frozen=True, slots=True)
class SfuProgram:
    node: Path
    folder: Path
    worker_binary: Path


async def find_program(
    settings: SfuSettings, base_dir: Path, environ: Mapping[str, str] = os.environ
) -> SfuProgram:
    """All that has to be there to start the SFU; makes sure that mediasoup's worker binary is.

    The latter may take minutes, once: it is fetched or built by the SFU's own script, which says so on stderr.

    Raises:
        EngineError: something is missing; says what to do.
    """
    folder = _find_folder(settings.dir, base_dir)
    set_up = f"To set it up: bash {folder / 'setup.sh'} {sys.executable}"
    node = _find_node(settings.node, environ, set_up)
    await _check_node(node, set_up)
    if not (folder / "node_modules" / "mediasoup").is_dir():
        raise EngineError(f"the SFU's packages are not installed in {folder}", hint=set_up)
    given = environ.get("MEDIASOUP_WORKER_BIN")
    binary = Path(given) if given else await _ensure_worker(folder)
    if not os.access(binary, os.X_OK):
        raise EngineError(
            f"there is no mediasoup worker at {binary}", hint="Unset MEDIASOUP_WORKER_BIN, or correct it."
        )
    return SfuProgram(node, folder, binary)


def find_page() -> Path:
    """The folder of the page that people talk on.

    Raises:
        EngineError: it has not been built.
    """
    folder = _package_folder() / "page"
    if not (folder / "index.html").is_file():
        raise EngineError(f"the page is missing: {folder}", hint="Run `make page` in voicebot's folder.")
    return folder


def _package_folder() -> Path:
    return Path(str(resources.files("voicebot")))


def _find_node(node: str, environ: Mapping[str, str], set_up: str) -> Path:
    # setup.sh puts Node.js beside the interpreter where the system has none that is new enough.
    search = os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])
    found = shutil.which(str(Path(node).expanduser()) if "/" in node else node, path=search)
    if found is None:
        raise EngineError(
            f"Node.js is not here: there is no program {node!r}",
            hint=f"{set_up}\n  Another place is given by transport.sfu.node.",
        )
    return Path(found).absolute()


async def _check_node(node: Path, set_up: str) -> None:
    try:
        code, output = await _output_of(node, "--version", stderr=subprocess.DEVNULL)
    except OSError as error:
        raise EngineError(f"{node} cannot be run: {error.strerror}", hint=set_up) from error
    match = re.fullmatch(r"v(\d+)\.\S+\s*", output)
    if code or not match:
        raise EngineError(f"{node} is not Node.js: it does not tell its version", hint=set_up)
    if int(match[1]) < OLDEST_NODE:
        raise EngineError(
            f"Node.js {output.strip()} at {node} is too old: the SFU needs {OLDEST_NODE} or newer",
            hint=set_up,
        )


def _find_folder(given: Path | None, base_dir: Path) -> Path:
    package = _package_folder()
    # In a checkout it is beside core/; in a wheel, inside the package.
    places = [package.parent.parent / "sfu", package / "sfu"]
    if given is not None:
        places = [base_dir / given.expanduser()]
    for place in places:
        if (place / "src" / "main.js").is_file():
            return place.absolute()
    raise EngineError(
        f"there is no SFU in {' or '.join(str(place) for place in places)}",
        hint="Set transport.sfu.dir to voicebot's `sfu` folder.",
    )


async def _ensure_worker(folder: Path) -> Path:
    script = folder / "worker" / "ensure.py"
    # Its stderr is this process's: whoever waits minutes for a build sees what it does.
    code, output = await _output_of(Path(sys.executable), str(script), stderr=None)
    lines = output.split("\n")
    if code or not output.strip():
        raise EngineError(
            f"there is no mediasoup worker for this machine ({script} ended with status {code})",
            hint="It has said why above. MEDIASOUP_WORKER_BIN points to a worker from elsewhere.",
        )
    return Path([line for line in lines if line.strip()][-1].strip())


async def _output_of(program: Path, *arguments: str, stderr: int | None) -> tuple[int, str]:
    """Exit status and standard output of a program; it is killed when this is cancelled."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace")
