from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.audio import AudioChunk
from voicebot.errors import AudioError
from voicebot.wav import read_wav, write_wav

TONE = (12_000 * np.sin(np.arange(4410) * 2 * np.pi * 440 / 44_100)).astype(np.int16)


def riff(
    data: bytes,
    *,
    data_size: int | None = None,
    riff_size: int | None = None,
    bits: int = 16,
    rate: int = 16_000,
    before: bytes = b"",
    after: bytes = b"",
    magic: bytes = b"RIFF",
) -> bytes:
    """A mono PCM WAV with whatever sizes a test wants in its header."""
    width = bits // 8
    fmt = struct.pack("<HHIIHH", 1, 1, rate, rate * width, width, bits)
    size = len(data) if data_size is None else data_size
    head = b"WAVE" + before + b"fmt " + struct.pack("<I", 16) + fmt
    body = head + b"data" + struct.pack("<I", size) + data + after
    return magic + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]
)
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_every_sample_format_reads_as_the_same_sound(tmp_path: Path, subtype: str, container: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, TONE / 32768, 44_100, subtype=subtype, format=container)
    chunk = read_wav(path)
    assert chunk.sample_rate == 44_100
    assert chunk.samples.dtype == np.int16
    assert chunk.samples.shape == TONE.shape
    tolerance = {"PCM_U8": 256, "ULAW": 520, "ALAW": 520}.get(subtype, 0)
    assert np.abs(chunk.samples.astype(int) - TONE).max() <= tolerance


def test_big_endian_riff_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, TONE, 44_100, subtype="PCM_16", format="WAV", endian="BIG")
    assert path.read_bytes()[:4] == b"RIFX"
    np.testing.assert_array_equal(read_wav(path).samples, TONE)


@pytest.mark.parametrize("rate", [8_000, 22_050, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6, 32])
def test_channels_are_mixed_down_at_the_files_own_rate(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "a.wav"
    each = np.tile(100 * np.arange(1, channels + 1, dtype=np.int16), (rate // 10, 1))
    soundfile.write(path, each, rate, subtype="PCM_16")
    chunk = read_wav(path)
    assert chunk.sample_rate == rate
    assert len(chunk.samples) == rate // 10
    assert abs(int(chunk.samples[0]) - 100 * (channels + 1) / 2) <= 0.5
    assert (chunk.samples == chunk.samples[0]).all()


def test_floats_beyond_full_scale_are_clipped_not_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.array([2.0, -2.0, 0.5]), 16_000, subtype="FLOAT")
    assert read_wav(path).samples.tolist() == [32767, -32768, 16384]


def test_write_then_read_returns_every_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.array([0, 1, -1, 32767, -32768, 1234], np.int16)
    write_wav(path, AudioChunk(samples, 24_000))
    chunk = read_wav(path)
    assert chunk.sample_rate == 24_000
    np.testing.assert_array_equal(chunk.samples, samples)
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_a_truncated_file_says_how_much_is_there(tmp_path: Path) -> None:
    path = tmp_path / "half.wav"
    path.write_bytes(riff(bytes(16_000), data_size=96_000))
    with pytest.raises(AudioError) as caught:
        read_wav(path)
    assert "half.wav is cut short: 0.500 s are there of the 3.000 s" in caught.value.message
    assert "80000 bytes are missing" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data_size", "riff_size"),
    [
        (0xFFFF_FFFF, 0xFFFF_FFFF),
        (0, 0),
        (0, 0xFFFF_FFFF),
        (0x7FFF_F000 - 36, 0x7FFF_F000),
        (0x8000_0000, 0x8000_0024),
    ],
)
def test_a_header_left_open_by_a_streaming_writer_is_read_to_the_files_end(
    tmp_path: Path, data_size: int, riff_size: int
) -> None:
    path = tmp_path / "piped.wav"
    path.write_bytes(riff(TONE.tobytes(), data_size=data_size, riff_size=riff_size))
    np.testing.assert_array_equal(read_wav(path).samples, TONE)


def test_other_chunks_around_the_audio_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "tagged.wav"
    odd = b"LIST" + struct.pack("<I", 5) + b"INFOx" + b"\0"
    path.write_bytes(riff(TONE.tobytes(), before=odd, after=odd))
    np.testing.assert_array_equal(read_wav(path).samples, TONE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: 0 bytes"),
        (b"RIFF", "is not a WAV file"),
        (b"ID3\x04 this is an MP3 really", "is not a WAV file"),
        (b"fLaC" + bytes(100), "is not a WAV file"),
        (riff(b""), "holds no audio"),
        (riff(b"", after=b"LIST" + struct.pack("<I", 4) + b"INFO"), "holds no audio"),
        (riff(b"", data_size=0xFFFF_FFFF), "holds no audio"),
        (riff(TONE.tobytes())[:30], "has no fmt chunk"),
        (riff(TONE.tobytes())[:36], "has no data chunk"),
        (riff(TONE.tobytes(), rate=4_000), "sample rate of 4000 Hz"),
        (riff(TONE.tobytes(), rate=384_000), "sample rate of 384000 Hz"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        read_wav(path)
    assert str(path) in caught.value.message
    assert words in caught.value.message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_float_that_is_no_number_is_an_error(tmp_path: Path, value: float) -> None:
    path = tmp_path / "nan.wav"
    soundfile.write(path, np.array([0.1, value, 0.2], np.float32), 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"nan\.wav is damaged"):
        read_wav(path)


@pytest.mark.parametrize("name", ["missing.wav", "no/such/folder.wav", "nul\0byte.wav", "x" * 300])
def test_a_missing_file_is_an_audio_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError):
        read_wav(tmp_path / name)


def test_a_folder_is_no_wav(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder"):
        read_wav(tmp_path)
    with pytest.raises(AudioError, match="is a folder"):
        write_wav(tmp_path, AudioChunk(TONE, 44_100))


def test_writing_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="there is no folder") as caught:
        write_wav(tmp_path / "gone" / "a.wav", AudioChunk(TONE, 44_100))
    assert caught.value.hint


def test_a_write_that_fails_leaves_the_old_file_and_no_scraps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, AudioChunk(TONE, 44_100))

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(AudioError, match="no space left"):
        write_wav(path, AudioChunk(TONE[:10], 44_100))
    np.testing.assert_array_equal(read_wav(path).samples, TONE)
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def reads_or_says_why(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        chunk = read_wav(path)
    except AudioError as error:
        assert path.name in error.message  # noqa: PT017
    else:
        assert chunk.samples.dtype == np.int16
        assert chunk.samples.ndim == 1
        assert len(chunk.samples) > 0
        assert 8_000 <= chunk.sample_rate <= 192_000


HEADS = [b"", b"RIFF\x40\0\0\0WAVE", b"RF64\xff\xff\xff\xffWAVE"]
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(content=st.binary(max_size=200), head=st.sampled_from(HEADS))
def test_random_bytes_never_do_anything_else(tmp_path: Path, content: bytes, head: bytes) -> None:
    reads_or_says_why(tmp_path / "fuzz.wav", head + content)


@FUZZ
@given(data=st.data())
def test_mutated_wavs_never_do_anything_else(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "fuzz.wav"
    subtype = data.draw(st.sampled_from(["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "MS_ADPCM", "ULAW"]))
    container = data.draw(st.sampled_from(["WAV", "WAVEX", "RF64"] if subtype != "MS_ADPCM" else ["WAV"]))
    channels = data.draw(st.sampled_from([1, 2]))
    soundfile.write(path, np.zeros((50, channels), np.int16), 16_000, subtype=subtype, format=container)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(120, len(content)) - 1))] = data.draw(st.integers(0, 255))
    reads_or_says_why(path, bytes(content[: data.draw(st.integers(0, len(content)))]))
