"""The files of one call: lines that are whole or not there, and a recording that is readable at any moment."""

from __future__ import annotations

import hashlib
import os
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.audio import Samples
from voicebot.keeping.mixing import RECORDING_RATE

__all__ = ["AUDIO_SUFFIX", "LOG_SUFFIX", "AudioFile", "LineFile", "free_stem", "is_stem", "stem_of"]

LOG_SUFFIX = ".call.jsonl"
AUDIO_SUFFIX = ".call.ogg"
ROOM = 16 * 1024
"""Bytes at a recording's end that are given up where the disk is full: the log has to say so."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_STEM = re.compile(r"[A-Za-z0-9_-]{1,110}")


def stem_of(call_id: str) -> str:
    """What a call's files are named: its id, or a digest of an id that is no plain name."""
    if _PLAIN_ID.fullmatch(call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_stem(name: str) -> bool:
    """Whether a call's files may be named so."""
    return _STEM.fullmatch(name) is not None


def free_stem(folder: Path, call_id: str) -> str:
    """The same, with a number behind it where an earlier call had this id."""
    stem, number = stem_of(call_id), 1
    while any(os.path.lexists(folder / f"{stem}{suffix}") for suffix in (LOG_SUFFIX, AUDIO_SUFFIX)):
        number += 1
        stem = f"{stem_of(call_id)}-{number}"
    return stem


class LineFile:
    """A new file, for its owner's eyes alone, to which whole pieces are appended.

    Raises:
        OSError: it cannot be made, or it is there.
    """

    def __init__(self, path: Path) -> None:
        flags = (
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        )
        self._fd = os.open(path, flags, 0o600)
        self.size = 0
        """Of what was appended."""
        self._torn = False
        self._last: deque[int] = deque(maxlen=16)
        """Sizes of the last pieces, without the first of all."""

    def append(self, piece: bytes) -> None:
        """Hand the piece to the system, whole: it is there even if this process is killed right after.

        Raises:
            OSError: it could not be written, and nothing of it is in the file.
        """
        self._mend()
        done = 0
        try:
            while done < len(piece):
                done += os.write(self._fd, piece[done:])
        except OSError:
            self._torn = done > 0
            with suppress(OSError):
                self._mend()
            raise
        if self.size:
            self._last.append(done)
        self.size += done

    def give_up(self, size: int) -> None:
        """Take the last pieces back, up to that many bytes and half of all: others may need the room more."""
        target = max(self.size - size, self.size // 2)
        while self._last and self.size - self._last[-1] >= target:
            self.size -= self._last.pop()
        self._torn = True
        self._mend()

    def _mend(self) -> None:
        if self._torn:
            os.ftruncate(self._fd, self.size)
            self._torn = False

    def close(self) -> None:
        """Twice is fine."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class AudioFile:
    """Opus in Ogg (libsndfile), two channels, written page by page: a page holds about a second.

    The file is there from its first page of sound on, so that there is none that cannot be played.
    """

    def __init__(self, path: Path, *, open_file: Callable[[Path], LineFile] = LineFile) -> None:
        import soundfile

        self._path, self._open_file = path, open_file
        self._file: LineFile | None = None
        self._pages = _Pages()
        self._empty = True
        self._sound: Any = soundfile.SoundFile(
            self._pages, "w", samplerate=RECORDING_RATE, channels=2, format="OGG", subtype="OPUS"
        )

    def write(self, stereo: Samples) -> None:
        """Append audio, shape `(n, 2)`.

        Raises:
            OSError: the file cannot be made, or is there, or the disk did not take it; what was written before is good.
        """
        self._sound.write(stereo)
        self._empty = self._empty and not len(stereo)
        self._append()

    def abort(self) -> None:
        """Stop where the disk is full. Of what was written the end is given up, for others to have room.

        Raises:
            OSError: the disk did not even take that.
        """
        try:
            self._sound.close()
            self._give_up()
        finally:
            self._close_file()

    def close(self) -> None:
        """Write the end. Twice is fine.

        Raises:
            OSError: as `write`; then the end is given up as by `abort`.
        """
        try:
            if not self._sound.closed:
                if self._empty:
                    # A file without a sample is malformed to its own library.
                    self._sound.write(np.zeros((RECORDING_RATE // 50, 2), np.int16))
                self._sound.close()
                self._append()
        except OSError:
            self._give_up()
            raise
        finally:
            self._close_file()

    def _append(self) -> None:
        if self._file is None:
            if not self._pages.have_sound:
                return
            self._file = self._open_file(self._path)
        try:
            self._file.append(self._pages.take())
        except OSError:
            if not self._file.size:
                self._close_file()
                self._file = None
                self._path.unlink()
            raise

    def _give_up(self) -> None:
        if self._file is not None:
            self._file.give_up(ROOM)

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()


class _Pages:
    """The file that libsndfile believes to write. It only appends."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._length = 0

    @property
    def have_sound(self) -> bool:
        """Whether what was never taken is more than the header and the comments, a page each."""
        return self._waiting.count(b"OggS") > 2

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._waiting = bytes(self._waiting), bytearray()
        return taken

    # What soundfile asks of a file.

    def write(self, data: bytes) -> int:
        self._waiting += data
        self._length += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._length

    def tell(self) -> int:
        return self._length

    def flush(self) -> None: ...
