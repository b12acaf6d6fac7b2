"""The files of a recording: a folder while the call goes on, and one `.vbcall` (a zip) when it is over.

    call.json           `voicebot.replaying.about.About`
    stream.jsonl        `voicebot.replaying.lines`, one a line
    mic-16000.pcm       the user's sound at 16 kHz: 16 bits, mono, little-endian; `.flac` in the zip
    voice-22050.pcm     the voices', likewise

A process that is killed leaves the folder, named `….vbcall.partial`, which is as good to replay up to there.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from voicebot.audio import Samples

__all__ = [
    "ABOUT",
    "AUDIO_NAME",
    "MAX_SAMPLES",
    "MAX_STREAM_BYTES",
    "PARTIAL",
    "STREAM",
    "as_flac",
    "as_json",
    "audio_name",
    "make_folder",
    "pack",
    "partial_of",
    "write_zip",
]

ABOUT = "call.json"
STREAM = "stream.jsonl"
PARTIAL = ".partial"
AUDIO_NAME = r"(mic|voice)-(\d{4,6})"

MAX_STREAM_BYTES = 64_000_000
"""Some three hours of a call."""
MAX_SAMPLES = 300_000_000
"""Of all sound together: five hours at 16 kHz. A reader holds it in memory, two bytes a sample."""


def partial_of(path: Path) -> Path:
    """The folder in which the recording `path` comes into being."""
    return path.with_name(path.name + PARTIAL)


def make_folder(path: Path) -> Path:
    """An empty folder for the recording `path`, for this user alone.

    Raises:
        OSError: it cannot be made, or `path` is a folder, in whose place no file can be.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    folder = partial_of(path)
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return folder


def audio_name(side: str, rate: int) -> str:
    """The file, without its suffix, that holds a side's sound at this rate."""
    return f"{side}-{rate}"


def pack(folder: Path, path: Path) -> None:
    """Make the one file of the folder, and remove the folder. Nobody ever sees half of it.

    Raises:
        OSError: it cannot be written; the folder stays.
    """
    write_zip(path, _content(folder))
    shutil.rmtree(folder)


def _content(folder: Path) -> Iterator[tuple[str, bytes]]:
    """One after the other: of a long call, each is large."""
    for name in (ABOUT, STREAM):
        yield name, (folder / name).read_bytes()
    for pcm in sorted(folder.glob("*.pcm")):
        samples = np.frombuffer(pcm.read_bytes(), "<i2").astype(np.int16)
        yield pcm.with_suffix(".flac").name, as_flac(samples, int(pcm.stem.rpartition("-")[2]))


def as_json(value: Any) -> bytes:
    """A line, or `call.json`."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def as_flac(samples: Samples, rate: int) -> bytes:
    """Every sample of it, in about half the bytes."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def write_zip(path: Path, content: Iterable[tuple[str, bytes]]) -> None:
    """Write a recording's one file, for this user alone.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with (
            open(temporary, "wb", opener=_private) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for name, data in content:
                how = zipfile.ZIP_STORED if name.endswith(".flac") else zipfile.ZIP_DEFLATED
                # A date of its own would make two recordings of the same content differ.
                archive.writestr(zipfile.ZipInfo(name), data, how)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
