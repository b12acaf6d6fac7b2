from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from pydantic import ValidationError

from voicebot.audio import AudioChunk
from voicebot.clock import VirtualClockLoop
from voicebot.errors import AudioError
from voicebot.events import StateChanged
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot.wav import read_wav, write_wav
from voicebot_transport_wav import WavConfig, WavConnection, WavTransport

T = TypeVar("T")
RATE = 16_000


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(work)


def counting(seconds: float, rate: int) -> np.ndarray:
    """Samples that name their own position."""
    return (np.arange(round(seconds * rate)) % 30_000 + 1).astype(np.int16)


def transport(tmp_path: Path, recording: np.ndarray, rate: int = RATE, **settings: Any) -> WavTransport:
    write_wav(tmp_path / "in.wav", AudioChunk(recording, rate))
    config = WavConfig(input=Path("in.wav"), output=Path("out.wav"), **settings)
    return WavTransport(config, ProviderContext(models=ModelStore(tmp_path), base_dir=tmp_path))


def connect(tmp_path: Path, recording: np.ndarray, rate: int = RATE, **settings: Any) -> WavConnection:
    config = WavConfig(input=Path("in.wav"), output=tmp_path / "out.wav", **settings)
    return WavConnection(AudioChunk(recording, rate), tmp_path / "out.wav", config)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_the_recording_arrives_whole_and_on_time_then_silence(tmp_path: Path, rate: int) -> None:
    recording = counting(1.013, rate)

    async def call() -> None:
        connection = connect(tmp_path, recording, rate, tail_ms=500)
        loop = asyncio.get_running_loop()
        start = loop.time()
        chunks, times = [], []
        async for chunk in connection.receive():
            assert chunk.sample_rate == rate
            chunks.append(chunk.samples)
            times.append(loop.time() - start)
        audio = np.concatenate(chunks)
        np.testing.assert_array_equal(audio[: len(recording)], recording)
        assert not audio[len(recording) :].any()
        assert {len(chunk) for chunk in chunks} <= {rate // 50, -(-rate // 50)}
        # 1.013 s and the tail, up to the next chunk's end; chunk n comes when its last sample has been spoken.
        assert len(chunks) == 76
        assert len(audio) == rate * 76 // 50
        np.testing.assert_allclose(times, 0.02 * np.arange(1, 77), atol=1e-6)
        await connection.aclose()

    run(call())


def test_a_late_reader_does_not_shift_the_clock(tmp_path: Path) -> None:
    async def call() -> None:
        connection = connect(tmp_path, counting(0.5, RATE), tail_ms=0)
        loop = asyncio.get_running_loop()
        start = loop.time()
        times = []
        async for _ in connection.receive():
            times.append(loop.time() - start)
            if len(times) == 5:
                await asyncio.sleep(0.07)
        assert times[5] == pytest.approx(0.17)  # at once: it had been waiting
        assert times[6] == pytest.approx(0.17)
        assert times[8] == pytest.approx(0.18)  # and from there on time again
        assert len(times) == 25
        await connection.aclose()

    run(call())


def test_the_output_lies_on_the_inputs_clock(tmp_path: Path) -> None:
    """Agent audio sent at 0.1 s, and again at 0.4 s, is at 0.1 s and 0.4 s of the file."""

    async def call() -> None:
        connection = connect(tmp_path, counting(1.0, RATE), tail_ms=0, sample_rate=8_000)
        count = 0
        async for _ in connection.receive():
            count += 1
            if count in (5, 6, 20):
                await connection.send(AudioChunk(np.full(160, count, np.int16), 8_000))
        assert connection.heard_samples() == 480
        await connection.aclose()

    run(call())
    out = read_wav(tmp_path / "out.wav")
    expected = np.zeros(8_000, np.int16)
    expected[800:960], expected[960:1120], expected[3200:3360] = 5, 6, 20
    assert out.sample_rate == 8_000
    np.testing.assert_array_equal(out.samples, expected)


def test_cancelled_audio_is_neither_heard_nor_written(tmp_path: Path) -> None:
    async def call() -> None:
        connection = connect(tmp_path, counting(0.2, RATE), tail_ms=0, sample_rate=8_000)
        count = 0
        async for _ in connection.receive():
            count += 1
            if count == 1:
                for _ in range(10):
                    await connection.send(AudioChunk(np.full(160, 7, np.int16), 8_000))
                assert connection.heard_samples() == 0
            if count == 3:
                assert connection.heard_samples() == 320
                connection.cancel()
            if count == 6:
                await connection.send(AudioChunk(np.full(160, 9, np.int16), 8_000))
        assert connection.heard_samples() == 480
        await connection.aclose()

    run(call())
    expected = np.zeros(1600, np.int16)
    expected[160:480], expected[960:1120] = 7, 9
    np.testing.assert_array_equal(read_wav(tmp_path / "out.wav").samples, expected)


def test_the_call_stays_open_until_the_session_listens_again(tmp_path: Path) -> None:
    async def call() -> float:
        connection = connect(tmp_path, counting(0.5, RATE), tail_ms=300)
        loop = asyncio.get_running_loop()
        connection.notify(StateChanged(loop.time(), "listening"))
        loop.call_later(0.4, lambda: connection.notify(StateChanged(loop.time(), "user_speaking")))
        loop.call_later(0.9, lambda: connection.notify(StateChanged(loop.time(), "agent_speaking")))
        loop.call_later(2.0, lambda: connection.notify(StateChanged(loop.time(), "listening")))
        start = loop.time()
        async for _ in connection.receive():
            pass
        ended = loop.time() - start
        await connection.aclose()
        return ended

    assert run(call()) == pytest.approx(2.3, abs=0.021)


def test_a_session_that_never_listens_again_is_ended_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def call() -> float:
        connection = connect(tmp_path, counting(0.1, RATE), max_wait_s=30)
        loop = asyncio.get_running_loop()
        start = loop.time()
        connection.notify(StateChanged(start, "thinking"))
        async for _ in connection.receive():
            pass
        ended = loop.time() - start
        await connection.aclose()
        return ended

    with caplog.at_level(logging.WARNING):
        assert run(call()) == pytest.approx(30.1, abs=0.021)
    assert "30 s after the recording's end, while thinking" in caplog.text


def test_the_sessions_end_stops_the_microphone(tmp_path: Path) -> None:
    async def call() -> int:
        connection = connect(tmp_path, counting(10, RATE))
        count = 0
        async for _ in connection.receive():
            count += 1
            if count == 3:
                connection.notify(StateChanged(asyncio.get_running_loop().time(), "ended"))
        await connection.aclose()
        return count

    assert run(call()) == 3
    assert read_wav(tmp_path / "out.wav").duration_s == 10


def test_hanging_up_ends_the_microphone_and_what_was_not_heard_yet_is_not_written(tmp_path: Path) -> None:
    async def call() -> int:
        connection = connect(tmp_path, counting(0.1, RATE), sample_rate=8_000)

        async def listen() -> int:
            return len([chunk async for chunk in connection.receive()])

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.01)
        await connection.send(AudioChunk(np.full(1600, 7, np.int16), 8_000))
        await asyncio.sleep(0.04)
        await connection.aclose()
        assert connection.heard_samples() == 320
        await connection.send(AudioChunk(np.full(1600, 7, np.int16), 8_000))
        assert connection.heard_samples() == 320
        return await listening

    assert run(call()) == 2
    expected = np.zeros(800, np.int16)
    expected[80:400] = 7
    np.testing.assert_array_equal(read_wav(tmp_path / "out.wav").samples, expected)


def test_closing_twice_and_a_call_that_never_began(tmp_path: Path) -> None:
    async def call() -> None:
        wav = transport(tmp_path, counting(0.1, RATE))
        await wav.aclose()
        connection = connect(tmp_path, counting(0.1, RATE))
        await connection.aclose()
        await connection.aclose()
        assert [chunk async for chunk in connection.receive()] == []
        connection.cancel()
        assert connection.heard_samples() == 0
        await wav.aclose()
        await wav.aclose()

    run(call())
    assert not (tmp_path / "out.wav").exists()


def test_there_is_exactly_one_call_and_its_generator_closes_it(tmp_path: Path) -> None:
    async def serve() -> int:
        wav = transport(tmp_path, counting(0.1, RATE), tail_ms=0)
        count = 0
        async for connection in wav.connections():
            count += 1
            async for _ in connection.receive():
                pass
        return count

    assert run(serve()) == 1
    assert len(read_wav(tmp_path / "out.wav").samples) == 2400


def test_a_packet_of_another_rate_is_refused(tmp_path: Path) -> None:
    async def call() -> None:
        connection = connect(tmp_path, counting(0.1, RATE))
        with pytest.raises(ValueError, match="16000 Hz, not 24000"):
            await connection.send(AudioChunk(np.zeros(320, np.int16), RATE))
        await connection.aclose()

    run(call())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"input": "gone.wav"}, "There is no file"),
        ({"output": "no/folder/out.wav"}, "there is no folder"),
        ({"output": "."}, "is a folder"),
        ({"output": "in.wav"}, "would overwrite the input"),
    ],
)
def test_what_cannot_work_is_found_out_before_the_call(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    write_wav(tmp_path / "in.wav", AudioChunk(counting(0.1, RATE), RATE))
    before = (tmp_path / "in.wav").read_bytes()
    config = WavConfig.model_validate({"input": "in.wav", "output": "out.wav"} | settings)
    wav = WavTransport(config, ProviderContext(models=ModelStore(tmp_path), base_dir=tmp_path))
    with pytest.raises(AudioError, match=words):
        run(wav.warmup())
    assert (tmp_path / "in.wav").read_bytes() == before


@pytest.mark.parametrize("bad", [{"tail_ms": -1}, {"sample_rate": 4000}, {"max_wait_s": 0}, {"ptime": 20}])
def test_settings_are_checked(bad: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        WavConfig.model_validate({"input": "a.wav", "output": "b.wav"} | bad)
