"""WAVs of every kind, and bytes that are none: a value or a documented error."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot_tts_opentts.audio import read_answer

TONE = (12_000 * np.sin(np.arange(2205) * 2 * np.pi * 440 / 22_050)).astype(np.int16)


def wav(samples: Any = TONE, rate: int = 22_050, subtype: str = "PCM_16", container: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=subtype, format=container)
    return file.getvalue()


def read(body: bytes, kind: str = "audio/wav") -> AudioChunk:
    return read_answer(kind, body, "http://voice")


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [("PCM_U8", 256), ("PCM_16", 0), ("PCM_24", 0), ("PCM_32", 0), ("FLOAT", 0), ("DOUBLE", 0)],
)
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_every_width_is_the_same_sound(subtype: str, tolerance: int, container: str) -> None:
    chunk = read(wav(TONE / 32768, subtype=subtype, container=container))
    assert chunk.sample_rate == 22_050
    assert chunk.samples.dtype == np.int16
    assert np.abs(chunk.samples.astype(int) - TONE).max() <= tolerance


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_every_rate_is_the_header_s(rate: int) -> None:
    assert read(wav(rate=rate)).sample_rate == rate


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_channels_are_mixed(channels: int) -> None:
    silent = [np.zeros_like(TONE)] * (channels - 1)
    chunk = read(wav(np.stack([TONE, *silent], axis=1)))
    assert chunk.samples.ndim == 1
    np.testing.assert_allclose(chunk.samples, TONE / channels, atol=1)


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_F024], ids=["0", "all ones", "espeak-ng --stdout"])
def test_a_size_that_was_left_open_is_no_promise(size: int) -> None:
    body = bytearray(wav())
    struct.pack_into("<I", body, 4, size + 36 if size == 0x7FFF_F024 else size)
    struct.pack_into("<I", body, 40, size)
    np.testing.assert_array_equal(read(bytes(body)).samples, TONE)


def test_chunks_after_the_samples_are_passed_over() -> None:
    comment = b"LIST" + struct.pack("<I", 4) + b"INFO" + b"odd " + struct.pack("<I", 3) + b"abc\0"
    np.testing.assert_array_equal(read(wav() + comment).samples, TONE)


@pytest.mark.parametrize("claimed", [0, 2, 44, 400, 4408, 4412, 40_000, 0x7FF0_0000])
def test_a_header_that_lies_is_an_error(claimed: int) -> None:
    body = bytearray(wav())
    struct.pack_into("<I", body, 4, 36 + claimed)
    struct.pack_into("<I", body, 40, claimed)
    if claimed == 0:
        struct.pack_into("<I", body, 4, len(body) - 8)
    with pytest.raises(EngineError, match="WAV that cannot be used") as raised:
        read(bytes(body))
    assert raised.value.retryable
    assert "ffmpeg" not in str(raised.value)  # that would be advice for a file


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "audio/wav", "nothing instead of a WAV"),
        (b"<!doctype html><p>Hello", "text/html", "a web page"),
        (b"\n<html>", "", "a web page"),
        (b"OggS\0\2", "audio/ogg", "audio/ogg instead"),
        (b"RIFF", "audio/wav", "WAV that cannot be used"),
        (wav()[:44], "audio/wav", "WAV that cannot be used"),
        (wav(rate=4_000), "audio/wav", "4000 Hz"),
        (wav(TONE[:0]), "audio/wav", "length is 0"),
        (wav(np.full(99, np.nan), subtype="FLOAT"), "audio/wav", "not numbers"),
    ],
)
def test_what_is_no_speech_is_an_error(body: bytes, kind: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        read(body, kind)


def test_every_beginning_of_a_wav_is_an_error() -> None:
    body = wav(TONE[:30])
    for length in range(len(body) - 1):
        with pytest.raises(EngineError):
            read(body[:length])


@given(body=st.binary(max_size=300), head=st.sampled_from([b"", b"RIFF", b"RIFX\0\0\0\x40WAVE", wav()[:36]]))
@example(body=b"data" + b"\xff" * 100, head=wav()[:36])
def test_any_bytes_are_a_chunk_or_an_error(body: bytes, head: bytes) -> None:
    try:
        chunk = read(head + body)
    except EngineError:
        return
    assert len(chunk.samples)


@given(
    changes=st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=6),
    subtype=st.sampled_from(["PCM_U8", "PCM_16", "PCM_24", "FLOAT"]),
    length=st.integers(40, 400),
)
def test_a_damaged_header_is_a_chunk_or_an_error(
    changes: list[tuple[int, int]], subtype: str, length: int
) -> None:
    body = bytearray(wav(TONE[:100] / 32768, subtype=subtype)[:length])
    for at, value in changes:
        if at < len(body):
            body[at] = value
    try:
        chunk = read(bytes(body))
    except EngineError:
        return
    assert 8_000 <= chunk.sample_rate <= 192_000
    assert len(chunk.samples)
