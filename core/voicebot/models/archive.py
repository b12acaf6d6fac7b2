"""Reading one member out of a wheel or an sdist."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from voicebot.errors import DownloadError

__all__ = ["member_chunks"]

_CHUNK = 1 << 20


def member_chunks(archive: Path, member: str, *, filename: str) -> Iterator[bytes]:
    """The bytes of one member, in pieces. Nothing is unpacked anywhere.

    Args:
        archive: the file to read.
        member: full path inside it.
        filename: the archive's published name, whose ending tells its format (.whl, .zip; else a tar).

    Raises:
        DownloadError: it is not such an archive, is damaged, or has no such member.
    """
    try:
        if filename.endswith((".whl", ".zip")):
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as stream:
                yield from _pieces(stream)
        else:
            with tarfile.open(archive, "r:*") as sdist:
                content = sdist.extractfile(member)
                if content is None:
                    raise DownloadError(f"{member} in {filename} is not a file.")
                with content:
                    yield from _pieces(content)
    except KeyError as error:
        raise DownloadError(f"{filename} has no member {member}.") from error
    except DownloadError:
        raise
    except Exception as error:
        # Neither module documents what damaged bytes raise: BadZipFile, TarError, zlib.error, EOFError,
        # NotImplementedError, RuntimeError, struct.error, ... have all been seen.
        raise DownloadError(f"{filename} cannot be read: {type(error).__name__}: {error}.") from error


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_CHUNK):
        yield piece
