"""Writing a recording while the call goes on: a queue to a thread of its own, so that no disk holds the call up."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import queue
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel

from voicebot.audio import AudioChunk
from voicebot.clock import cpu_s, now
from voicebot.errors import VoicebotError
from voicebot.events import Event
from voicebot.replaying.about import About
from voicebot.replaying.files import (
    ABOUT,
    MAX_SAMPLES,
    MAX_STREAM_BYTES,
    STREAM,
    as_json,
    audio_name,
    make_folder,
    pack,
)
from voicebot.replaying.lines import HungUp, Idle, Opened, Told
from voicebot.replaying.telling import on_clock_of

__all__ = ["CLOSE_S", "WAITING_LINES", "Recorder"]

WAITING_LINES = 5_000
"""Lines that may wait for the disk, about a minute of a call; with more, the recording ends there: it has no holes."""
CLOSE_S = 30.0
"""How long the end of a call waits for what is still to be written."""

_log = logging.getLogger("voicebot.replaying")

Sound = tuple[str, AudioChunk]
"""A side, and what was heard of it."""
Item = About | tuple[type[BaseModel], dict[str, object], Sound | None]


class Recorder:
    """Takes what happens in one call. Nothing it is told raises, or waits.

    Args:
        path: the file to be; its `.partial` folder is written first.
        secrets: strings that the recording must not hold.

    Attributes:
        problem: why the recording ends before the call, or cannot be written; "" where all is well.

    Raises:
        VoicebotError: it cannot be written there.
    """

    def __init__(self, path: Path, *, secrets: Sequence[str] = ()) -> None:
        self.problem = ""
        self.path = path
        self._secrets = [text for secret in secrets for text in _spellings(secret)]
        self._began_s = now()
        self._requests = self._stream_bytes = self._samples = 0
        self._queue: queue.Queue[Item | None] = queue.Queue(WAITING_LINES)
        self._closed = False
        try:
            self._folder = make_folder(path)
        except OSError as error:
            raise VoicebotError(f"{path}: the call cannot be recorded: {error.strerror}.") from error
        self._thread = threading.Thread(target=self._write_all, name="recording", daemon=True)
        self._thread.start()

    # --- what is told -----------------------------------------------------------------------------------------------

    def t(self) -> float:
        """Seconds since the recording began."""
        return round(now() - self._began_s, 6)

    def request(self) -> int:
        """An id for the next request."""
        self._requests += 1
        return self._requests

    def about(self, about: About) -> None:
        """What the recording is of: told once, before any line."""
        self._put(about)

    def note(self, kind: type[BaseModel], sound: Sound | None = None, /, **fields: object) -> None:
        """A line of this kind; it is made in the thread. Whoever tells must not change `fields` or `sound` later."""
        self._put((kind, fields, sound))

    def opened(self) -> None:
        self.note(Opened, t=self.t())
        self.idle(1.0)

    def hung_up(self) -> None:
        self.note(HungUp, t=self.t())

    def idle(self, share: float) -> None:
        """So much of the machine was idle."""
        self.note(Idle, t=self.t(), share=share, cpu_s=round(cpu_s(), 4))

    def event(self, event: Event) -> None:
        self.note(Told, event=on_clock_of(event, self._began_s))

    def _put(self, item: Item) -> None:
        if self._closed or self.problem:
            return
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._fail("the disk is too slow for it")

    def _fail(self, why: str) -> None:
        self.problem = self.problem or why
        _log.error("%s: the recording ends here: %s", self.path, why)

    # --- what becomes of it -----------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Write what there is, and make one file of it; twice is fine. What goes wrong is in `problem`."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        try:
            self._queue.put(None, timeout=CLOSE_S)
        except queue.Full:
            self._fail("the disk is too slow for it")
            return
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._fail("the disk is too slow for it")

    def _write_all(self) -> None:
        files: dict[str, BinaryIO] = {}
        try:
            while (item := self._queue.get()) is not None:
                self._write(item, files)
                if self._queue.empty():
                    # Handed to the system at once: a killed process loses no more than this.
                    for file in files.values():
                        file.flush()
        except Exception as error:
            self._fail(_reason(error))
            while self._queue.get() is not None:
                pass
        finally:
            for file in files.values():
                file.close()
        if STREAM not in files:
            return
        try:
            pack(self._folder, self.path)
        except Exception as error:
            self._fail(f"{_reason(error)}; what there is of it is in {self._folder}")

    def _write(self, item: Item, files: dict[str, BinaryIO]) -> None:
        if isinstance(item, About):
            self._file(ABOUT, files).write(as_json(self._clean(item.model_dump(mode="json"))))
            return
        kind, fields, sound = item
        line = as_json(kind.model_validate(self._clean(fields)).model_dump(mode="json")) + b"\n"
        self._stream_bytes += len(line)
        self._samples += 0 if sound is None else len(sound[1].samples)
        if self._stream_bytes > MAX_STREAM_BYTES or self._samples > MAX_SAMPLES:
            raise OSError(errno.EFBIG, "it is as long as one may be")
        if sound is not None:
            side, chunk = sound
            name = f"{audio_name(side, chunk.sample_rate)}.pcm"
            self._file(name, files).write(chunk.samples.astype("<i2").tobytes())
        self._file(STREAM, files).write(line)

    def _file(self, name: str, files: dict[str, BinaryIO]) -> BinaryIO:
        if name not in files:
            # Sound goes to the system before the line that stands for it, whenever the process is killed.
            files[name] = (self._folder / name).open("wb", buffering=-1 if name == STREAM else 0)
        return files[name]

    def _clean(self, value: Any) -> Any:
        """The value with its texts as the file may hold them.

        Without secrets, and half an emoji, which models stream, as a question mark.
        """
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, "***")
            return value if value.isascii() else value.encode("utf-8", "replace").decode()
        if isinstance(value, dict):
            return {name: self._clean(child) for name, child in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._clean(child) for child in value)
        return value


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    _log.error("what came could not be recorded", exc_info=error)
    return f"{type(error).__name__}: {error}"


def _spellings(secret: str) -> tuple[str, ...]:
    """As it is, and as it is written in JSON, such as a tool's arguments."""
    return tuple(dict.fromkeys((secret, json.dumps(secret, ensure_ascii=False)[1:-1])))
