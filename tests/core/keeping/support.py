"""A writer on a folder, and disks that do not do what they should."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from voicebot.audio import AudioChunk
from voicebot.keeping.files import LineFile
from voicebot.keeping.schema import CallOpened
from voicebot.keeping.writing import Audio

OPENED = CallOpened(
    started_at=datetime(2025, 1, 31, 12, tzinfo=UTC),
    voicebot="0",
    profile="test",
    language="en",
    engines={},
    keeps=["audit"],
    consent="given",
)


class FullDisk:
    """Makes files that take so many bytes in all, and no more until `room` is given again."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, path: Path) -> LineFile:
        disk = self

        class File(LineFile):
            def append(self, piece: bytes) -> None:
                if len(piece) > disk.room:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                disk.room -= len(piece)
                super().append(piece)

            def give_up(self, size: int) -> None:
                before = self.size
                super().give_up(size)
                disk.room += before - self.size

        return File(path)


def talk(seconds: float, start_s: float = 0.0) -> list[Audio]:
    """Both speak, noisily, in pieces of 20 ms: the user at 16 kHz, the agent at 48."""
    noise = np.random.default_rng(1)
    items = []
    for index in range(round(seconds * 50)):
        at_s = start_s + index * 0.02
        agent = AudioChunk((noise.standard_normal(960) * 3_000).astype(np.int16), 48_000)
        user = AudioChunk((noise.standard_normal(320) * 3_000).astype(np.int16), 16_000)
        items += [Audio("agent", at_s, agent), Audio("user", at_s + 0.02, user)]
    return items
