"""WAV files: any of them in, 16-bit mono out.

Samples are decoded by libsndfile (the `soundfile` package). The file's chunks are looked at here first,
because libsndfile reads a truncated recording without a word.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np
import soundfile

from voicebot.audio import AudioChunk, Samples, to_int16
from voicebot.errors import AudioError

__all__ = ["MAX_SAMPLE_RATE", "MIN_SAMPLE_RATE", "check_writable", "parse_wav", "read_wav", "write_wav"]

MIN_SAMPLE_RATE = 8_000
MAX_SAMPLE_RATE = 192_000

_BLOCK_FRAMES = 65_536
# A program that writes to a pipe cannot go back and fill in the size: ffmpeg leaves 0xFFFFFFFF, arecord and
# SoX something near 2 GiB. No such size is a promise.
_STREAMED = 0x7FFF_0000
_MAX_DATA_BYTES = 0xFFFF_FFFF - 36


def read_wav(path: Path | str) -> AudioChunk:
    """Read a recording, mixed down to mono, at its own rate.

    Takes what libsndfile takes of WAV (8 to 32-bit integers, 32 and 64-bit floats, A-law, µ-law, ADPCM; RIFF,
    RIFX and RF64; any number of channels) from 8 to 192 kHz. A header whose size was left open by a streaming
    writer is fine.

    Raises:
        AudioError: there is no such file, it is not a WAV, it is cut short or empty, or it holds numbers that
            are no sound.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise AudioError(f"{path} is a folder, not a WAV file.")
        if path.exists() and not path.is_file():
            raise AudioError(f"{path} is not a regular file.")
        with path.open("rb") as file:
            return _read(file, _layout(file, path), path)
    except FileNotFoundError:
        raise AudioError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise AudioError(f"{path} cannot be read: {_reason(error)}.") from error


def parse_wav(data: bytes, name: str) -> AudioChunk:
    """A recording out of a server's answer, as `read_wav` would read it.

    Args:
        name: what it is called in errors.

    Raises:
        AudioError: as for `read_wav`, and where it holds more audio than its header announces.
    """
    file, path = io.BytesIO(data), Path(name)
    layout = _layout(file, path)
    chunk = _read(file, layout, path)
    if layout.announced is not None:
        _check_rest(data, layout.data_at + layout.announced, layout.order, path)
    return chunk


def write_wav(path: Path | str, chunk: AudioChunk) -> None:
    """Write a 16-bit mono WAV. Nobody ever sees half of it, and a failure leaves an earlier file as it was.

    Raises:
        AudioError: its folder does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    check_writable(path)
    data = np.ascontiguousarray(chunk.samples, np.int16).tobytes()
    if len(data) > _MAX_DATA_BYTES:
        raise AudioError(
            f"{path} cannot be written: {chunk.duration_s / 3600:.1f} h do not fit into a WAV file."
        )
    temporary = path.parent / f".voicebot-{uuid4().hex}.wav"
    try:
        try:
            with temporary.open("xb") as file, wave.open(file, "wb") as writer:
                writer.setnchannels(1)
                writer.setsampwidth(2)
                writer.setframerate(chunk.sample_rate)
                writer.writeframes(data)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise AudioError(f"{path} cannot be written: {_reason(error)}.") from error


def check_writable(path: Path) -> None:
    """Find out before a call, not after it, that its recording has nowhere to go.

    Raises:
        AudioError: `path` is a folder, or its own folder does not exist or cannot be written.
    """
    try:
        if path.is_dir():
            raise AudioError(f"{path} is a folder; name a file to write.")
        if not path.parent.is_dir():
            raise AudioError(
                f"{path} cannot be written: there is no folder {path.parent}.", hint="Create it first."
            )
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise AudioError(f"{path} cannot be written: you may not write into {path.parent}.")
    except (OSError, ValueError) as error:
        raise AudioError(f"{path} cannot be written: {_reason(error)}.") from error


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a WAV's chunk headers say."""

    order: str
    """Byte order, as `struct` writes it."""
    data_at: int
    """Where the audio begins, in bytes."""
    block_bytes: int
    """Bytes of one frame of all channels (of one block, where compressed)."""
    bytes_per_s: int
    announced: int | None
    """Bytes of audio that the header promises; None where the writer left it open."""
    present: int
    """Bytes that the file has from there on."""


def _layout(file: BinaryIO, path: Path) -> _Layout:
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    riff = file.read(12)
    if not riff:
        raise AudioError(f"{path} is empty: 0 bytes.")
    if len(riff) < 12 or riff[:4] not in (b"RIFF", b"RIFX", b"RF64") or riff[8:] != b"WAVE":
        raise AudioError(
            f"{path} is not a WAV file: it does not begin with RIFF … WAVE.", hint=_convert_hint(path)
        )
    order = ">" if riff[:4] == b"RIFX" else "<"
    riff_size: int = struct.unpack(order + "I", riff[4:8])[0]
    data_size_64: int | None = None
    fmt: tuple[int, ...] | None = None
    while len(header := file.read(8)) == 8:
        name = header[:4]
        size: int = struct.unpack(order + "I", header[4:])[0]
        start = file.tell()
        if name == b"data":
            if fmt is None:
                break
            announced = data_size_64 if data_size_64 is not None and size == 0xFFFF_FFFF else size
            present = max(0, length - start)
            open_size = _STREAMED <= announced <= 0xFFFF_FFFF or (
                announced == 0 and riff_size + 8 != start + present
            )
            return _Layout(
                order=order,
                data_at=start,
                block_bytes=max(1, fmt[4]),
                bytes_per_s=max(1, fmt[3]),
                announced=None if open_size else announced,
                present=present,
            )
        if name == b"fmt " and size >= 16:
            raw = file.read(16)
            fmt = struct.unpack(order + "HHIIHH", raw) if len(raw) == 16 else None
        elif name == b"ds64" and size >= 16:
            raw = file.read(16)
            data_size_64 = struct.unpack("<Q", raw[8:])[0] if len(raw) == 16 else None
        file.seek(start + size + size % 2)
    missing = "fmt" if fmt is None else "data"
    raise AudioError(
        f"{path} is not a usable WAV file: it has no {missing} chunk; its header is cut short or damaged."
    )


def _check_complete(layout: _Layout, path: Path) -> None:
    if layout.announced == 0 or layout.present == 0:
        raise AudioError(f"{path} holds no audio: its length is 0.")
    if layout.announced is None:
        return
    if layout.present // layout.block_bytes < layout.announced // layout.block_bytes:
        there, of = (size / layout.bytes_per_s for size in (layout.present, layout.announced))
        raise AudioError(
            f"{path} is cut short: {there:.3f} s are there of the {of:.3f} s that its header announces "
            f"({layout.announced - layout.present} bytes are missing).",
            hint="Copy or record it again, or rewrite its header: sox --ignore-length IN.wav OUT.wav",
        )


def _check_rest(data: bytes, at: int, order: str, path: Path) -> None:
    """What follows the samples are chunks; samples that the header does not count would be lost without a word."""
    at += at % 2
    while at < len(data):
        name, size = data[at : at + 4], data[at + 4 : at + 8]
        end = at + 8 + struct.unpack(order + "I", size)[0] if len(size) == 4 else len(data) + 1
        if not (name.isascii() and name.decode("ascii").isprintable()) or end > len(data):
            raise AudioError(f"{path} holds more than its header announces.")
        at = end + end % 2


def _read(file: BinaryIO, layout: _Layout, path: Path) -> AudioChunk:
    _check_complete(layout, path)
    return _decode(file if layout.announced is not None else _closed(file, layout), path)


def _closed(file: BinaryIO, layout: _Layout) -> BinaryIO:
    """A copy with the sizes filled in that its writer left open; libsndfile takes a 0 for an end."""
    file.seek(0)
    content = bytearray(file.read())
    struct.pack_into(layout.order + "I", content, 4, min(len(content) - 8, 0xFFFF_FFFF))
    struct.pack_into(layout.order + "I", content, layout.data_at - 4, min(layout.present, 0xFFFF_FFFF))
    return io.BytesIO(content)


def _decode(file: BinaryIO, path: Path) -> AudioChunk:
    blocks: list[Samples] = []
    file.seek(0)
    try:
        with soundfile.SoundFile(file) as sound:
            rate: int = sound.samplerate
            if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
                raise AudioError(f"{path} has a sample rate of {rate} Hz; 8,000 to 192,000 Hz can be used.")
            # Block by block: the whole file as floats of every channel would be many times its size.
            while len(block := sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
                if not np.isfinite(block).all():
                    raise AudioError(
                        f"{path} is damaged: it holds samples that are not numbers (NaN or infinite)."
                    )
                mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
                blocks.append(to_int16(mono))
    except soundfile.SoundFileError as error:
        reason = getattr(error, "error_string", None) or str(error)
        raise AudioError(
            f"{path} is not a WAV file that can be read: {reason.rstrip('.')}.", hint=_convert_hint(path)
        ) from error
    if not blocks:
        raise AudioError(f"{path} holds no audio: its length is 0.")
    return AudioChunk(np.concatenate(blocks), rate)


def _convert_hint(path: Path) -> str:
    return f"Convert it: ffmpeg -i {path.name} out.wav"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).lower()
