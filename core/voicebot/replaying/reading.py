"""Reading recordings. They come from outside: a reader gets a recording, or a `RecordingError`."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import soundfile
from pydantic import ValidationError

from voicebot._version import __version__
from voicebot.audio import Samples
from voicebot.errors import RecordingError
from voicebot.interfaces import HeardReport
from voicebot.replaying import lines
from voicebot.replaying.about import FORMAT, About
from voicebot.replaying.files import ABOUT, AUDIO_NAME, MAX_SAMPLES, MAX_STREAM_BYTES, STREAM
from voicebot.replaying.recording import Recording, Request
from voicebot.replaying.telling import check_message

__all__ = ["Content", "read_content", "read_files", "read_lines", "read_recording"]

MAX_ABOUT_BYTES = 4_000_000
MAX_FILES = 20
"""With sound: one for each side and rate."""

_BLOCK = 1 << 16
_SOUND = re.compile(AUDIO_NAME + r"\.(flac|pcm)")

Content = dict[str, bytes]
"""A recording's files by their name."""


def read_recording(path: Path) -> Recording:
    """Read a recording's file, or the folder that a killed process left.

    Raises:
        RecordingError: there is none, or it cannot be read.
    """
    return read_content(read_files(path), str(path))


def read_files(path: Path) -> Content:
    """The files of a recording, not looked into yet.

    Raises:
        RecordingError: there is none, or it cannot be read.
    """
    try:
        return _folder(path) if path.is_dir() else _zip(path)
    except FileNotFoundError:
        raise RecordingError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise RecordingError(
            f"{path} is no recorded call: {error}.",
            hint="`voicebot call … --record FILE` writes one; of a call that was killed, replay FILE.partial.",
        ) from error


def read_content(content: Content, name: str) -> Recording:
    """A recording out of its files.

    Args:
        name: what it is called in errors.

    Raises:
        RecordingError: they are none.
    """
    if ABOUT not in content or STREAM not in content:
        raise RecordingError(
            f"{name} is no recorded call: it has no {ABOUT if ABOUT not in content else STREAM}."
        )
    recording = Recording(_about(content[ABOUT], name))
    room = MAX_SAMPLES
    for file, data in content.items():
        if _SOUND.fullmatch(file):
            samples = _samples(data, file, name, room)
            recording.sounds[file.rpartition(".")[0]] = samples
            room -= len(samples)
    _read_lines(content[STREAM], recording, name)
    return recording


# --- files ------------------------------------------------------------------------------------------------------------


def _folder(path: Path) -> Content:
    names = sorted(entry.name for entry in path.iterdir() if entry.is_file())
    return _content(names, lambda name: (path / name).open("rb"), str(path))


def _zip(path: Path) -> Content:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise RecordingError(f"{path} is no recorded call: a file is in it twice.")
        # As they are written. Others have errors of their own, and unpack to anything.
        if {entry.compress_type for entry in archive.infolist()} - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise RecordingError(f"{path} is no recorded call: it is compressed in another way.")
        return _content(names, archive.open, str(path))


def _content(names: Sequence[str], open_file: Callable[[str], IO[bytes]], where: str) -> Content:
    """What is a recording's of these files, none of it too long; a zip's own word on its size is not believed."""
    sounds = [name for name in names if _SOUND.fullmatch(name)]
    if len(sounds) > MAX_FILES:
        raise RecordingError(f"{where} is no recorded call: it holds {len(sounds)} files with sound.")
    content: Content = {}
    room = 2 * MAX_SAMPLES
    for name in (ABOUT, STREAM, *sounds):
        if name not in names:
            continue
        limit = {ABOUT: MAX_ABOUT_BYTES, STREAM: MAX_STREAM_BYTES}.get(name, room)
        with open_file(name) as file:
            content[name] = file.read(limit + 1)
        if len(content[name]) > limit:
            raise RecordingError(f"{where}: {name} is longer than {limit // 1_000_000} MB.")
        if name in sounds:
            room -= len(content[name])
    return content


def _about(data: bytes, name: str) -> About:
    try:
        return About.model_validate_json(data)
    except ValidationError as error:
        raise RecordingError(
            f"{name}: {ABOUT}: {_first(error)}.",
            hint=f"This is voicebot {__version__}, which reads format {FORMAT}: the version in {ABOUT} may read it.",
        ) from error


def _samples(data: bytes, file: str, name: str, room: int) -> Samples:
    """A file's sound, of which there is room for so many samples."""
    blocks: list[Samples] = []
    for block in _blocks(data, file, name):
        blocks.append(block)
        room -= len(block)
        if room < 0:
            raise RecordingError(f"{name}: {file}: there is too much sound in it.")
    return np.concatenate([np.zeros(0, np.int16), *blocks])


def _blocks(data: bytes, file: str, name: str) -> Iterator[Samples]:
    if file.endswith(".pcm"):
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
        return
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            if sound.format != "FLAC" or sound.channels != 1:
                raise RecordingError(f"{name}: {file} is no mono FLAC.")
            while len(block := sound.read(_BLOCK, dtype="int16")):
                yield block
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise RecordingError(f"{name}: {file} is damaged: {error}.") from error


# --- lines ------------------------------------------------------------------------------------------------------------


def _read_lines(data: bytes, recording: Recording, name: str) -> None:
    sound = _sound_of(recording, name)
    requests: dict[int, Request] = {}
    for number, line in read_lines(data, name):
        if isinstance(line, lines.Asked):
            if line.id in requests:
                raise RecordingError(f"{name}: {STREAM}, line {number}: request {line.id} is there twice.")
            requests[line.id] = Request(line)
        elif isinstance(line, lines.Given | lines.Over):
            request = requests.get(line.id)
            if request is None:
                raise RecordingError(f"{name}: {STREAM}, line {number}: there is no request {line.id}.")
            if isinstance(line, lines.Over):
                request.over = line
                continue
            if isinstance(line, lines.Sound):
                request.sounds[len(request.given)] = sound("voice", line.rate, line.n, number)
            request.given.append(line)
        elif isinstance(line, lines.Mic):
            recording.mic.append((line.t, (sound("mic", line.rate, line.n, number), line.rate)))
        elif isinstance(line, lines.Heard):
            recording.mic.append((line.t, HeardReport(line.turn_id, line.voice_to_voice_ms)))
        elif isinstance(line, lines.Window):
            recording.windows.append(line)
        elif isinstance(line, lines.Idle):
            recording.idle.append(line)
        elif isinstance(line, lines.Told):
            recording.told.append(line.event)
        elif isinstance(line, lines.Opened):
            recording.opened_s = line.t
        else:
            recording.ended_s = line.t
    recording.requests = list(requests.values())


def read_lines(data: bytes, name: str) -> Iterator[tuple[int, lines.Line]]:
    """Each line of a stream with its number, from 1.

    Args:
        name: what the recording is called in errors.

    Raises:
        RecordingError: one is none.
    """
    # A last one without an end was being written when the process was killed.
    for number, raw in enumerate(io.BytesIO(data), 1):
        if not raw.endswith(b"\n"):
            return
        try:
            line = lines.parse_line(raw)
            if isinstance(line, lines.Told):
                check_message(line.event)
        except ValidationError as error:
            raise RecordingError(f"{name}: {STREAM}, line {number}: {_first(error)}.") from error
        yield number, line


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, and where."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where or 'it'}: {first['msg']}"


def _sound_of(recording: Recording, name: str) -> Callable[[str, int, int, int], Samples]:
    """Hands out each file's sound in the order of the lines."""
    taken: dict[str, int] = {}

    def take(side: str, rate: int, count: int, number: int) -> Samples:
        file = f"{side}-{rate}"
        start = taken.get(file, 0)
        taken[file] = start + count
        samples = recording.sounds.get(file, np.zeros(0, np.int16))[start : start + count]
        if len(samples) < count:
            raise RecordingError(f"{name}: {STREAM}, line {number}: {file} holds no such sound.")
        return samples

    return take
