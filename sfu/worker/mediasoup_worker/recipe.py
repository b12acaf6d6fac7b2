"""Turn a copy of mediasoup's worker source into one that builds against the system's libraries.

mediasoup asks each of its subprojects for named meson variables, and downloads the subprojects' sources. A few lines of
meson in their place answer with the system's library. Each source patch says why it is there.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mediasoup_worker.place import UserError

SUBPROJECTS = Path(__file__).parent / "subprojects"


@dataclass(frozen=True)
class Patch:
    """`old`, found exactly once in `file` (relative to the worker's folder), becomes `new`."""

    file: str
    old: str
    new: str


PATCHES = (
    # The BIO's callback returned 1 ("done") for every BIO_CB_x | BIO_CB_RETURN, reads that had nothing to read among
    # them. Seen with OpenSSL 3.0.22: the worker crashes on a ClientHello in two datagrams, which is Chromium's.
    Patch(
        file="src/RTC/DtlsTransport.cpp",
        old="(operationType == BIO_CB_RETURN) ? static_cast<long>(ret) : 1;",
        new="(operationType & BIO_CB_RETURN) ? static_cast<long>(ret) : 1;",
    ),
)


def prepare(source: Path, target: Path) -> None:
    """Copy the worker's tree from `source` to the new folder `target` and make it ours. Raises UserError."""
    shutil.copytree(source, target)
    replace_subprojects(target / "subprojects")
    for patch in PATCHES:
        apply(patch, target)


def replace_subprojects(folder: Path) -> None:
    """Ours stand in for the wraps they know; a wrap that is new to us would be downloaded, so it is refused."""
    ours = {path.name for path in SUBPROJECTS.iterdir() if path.is_dir()}
    # liburing is switched off by an option, wingetopt is asked for on Windows only.
    unknown = {path.stem for path in folder.glob("*.wrap")} - ours - {"liburing", "wingetopt"}
    if unknown:
        raise UserError(
            f"this mediasoup needs {', '.join(sorted(unknown))}, for which {SUBPROJECTS} has no stand-in; "
            "install the mediasoup version of sfu/package-lock.json."
        )
    shutil.rmtree(folder)
    shutil.copytree(SUBPROJECTS, folder)


def apply(patch: Patch, tree: Path) -> None:
    """Raises UserError where the text is not there exactly once: then this is not the source the patch is for."""
    path = tree / patch.file
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{patch.file}, which a patch is for, cannot be read ({error.strerror}). {_ADVICE}"
        ) from error
    times = text.count(patch.old)
    if times != 1:
        raise UserError(
            f"the patch of {patch.file} does not fit: {patch.old!r} is there {times} times, not once. {_ADVICE}"
        )
    path.write_text(text.replace(patch.old, patch.new), encoding="utf-8")


_ADVICE = (
    "The recipe is for the mediasoup version of sfu/package-lock.json: run `npm ci --ignore-scripts` in sfu/."
)
