"""`BufferedUtterance` with a scripted engine: real threads, but every order is forced by events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio import AudioChunk, Samples
from voicebot.errors import AudioError, EngineError
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot.recognition import BufferedUtterance

RATE = 16_000
WINDOW = 512
BLOCK = 32 * WINDOW
LOUD = AudioChunk((np.sin(np.arange(BLOCK)) * 9000).astype(np.int16), RATE)
QUIET = AudioChunk(np.zeros(BLOCK // 2, np.int16), RATE)
FADED = 1 + WINDOW / BLOCK  # LOUD and a window of silence


class Engine:
    """Answers with the blocks of audio. Holds interims back until `interims_may_end`, or finals likewise.

    An interim made with the care of a final is a "final" here.
    """

    def __init__(self) -> None:
        self.interims_may_end = threading.Event()
        self.finals_may_end = threading.Event()
        self.interims_may_end.set()
        self.finals_may_end.set()
        self.ended: list[str] = []
        self.started: list[str] = []
        self.heard: list[Samples] = []
        self.gave_up = threading.Event()
        self.fail: Exception | None = None

    def __call__(self, samples: Samples, final: bool, give_up: Callable[[], bool]) -> FinalTranscript:
        name = f"{'final' if final else 'interim'} {len(samples) / BLOCK:g}"
        self.started.append(name)
        self.heard.append(samples)
        if self.fail:
            raise self.fail
        gate = self.finals_may_end if final else self.interims_may_end
        while not gate.wait(0.001):
            if give_up():
                self.gave_up.set()
                raise EngineError("given up")
        self.ended.append(name)
        return FinalTranscript(name, len(samples) / RATE)


def play(
    test: Callable[[Engine, BufferedUtterance, list[InterimTranscript]], Awaitable[None]],
    interval_ms: float = 1,
) -> None:
    async def main() -> None:
        engine, interims = Engine(), list[InterimTranscript]()
        utterance = BufferedUtterance(engine, interims.append, interval_ms)
        try:
            await test(engine, utterance, interims)
        finally:
            await utterance.aclose()
        await utterance.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - threads make it true, and none of them knows of the loop
        await asyncio.sleep(0)


def test_interims_follow_the_audio() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        for _ in range(3):
            utterance.push(LOUD)
            await until(lambda: interims and interims[-1].audio_s == utterance.audio_s)
        assert interims == [InterimTranscript(f"interim {n}", n * BLOCK / RATE) for n in (1, 2, 3)]

    play(test)


def test_no_interims_at_interval_zero() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        utterance.push(LOUD)
        assert (await utterance.finalize()).text == "final 1"
        assert engine.started == ["final 1"]

    play(test, interval_ms=0)


def test_a_final_overtakes_an_interim_in_progress() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        engine.interims_may_end.clear()
        utterance.push(LOUD)
        await until(lambda: engine.started == ["interim 1"])
        utterance.push(LOUD)
        assert await utterance.finalize() == FinalTranscript("final 2", 2 * BLOCK / RATE)
        assert engine.ended == ["final 2"]
        await until(engine.gave_up.is_set)
        assert interims == []

    play(test)


def test_an_interim_that_cannot_be_stopped_is_not_shown_after_the_final() -> None:
    def stubborn(engine: Engine) -> Callable[[Samples, bool, Callable[[], bool]], FinalTranscript]:
        return lambda samples, final, give_up: engine(samples, final, lambda: False)

    async def main() -> None:
        engine, interims = Engine(), list[InterimTranscript]()
        utterance = BufferedUtterance(stubborn(engine), interims.append, 1)
        engine.interims_may_end.clear()
        utterance.push(LOUD)
        await until(lambda: engine.started == ["interim 1"])
        assert (await utterance.finalize()).text == "final 1"
        engine.interims_may_end.set()
        await until(lambda: "interim 1" in engine.ended)
        utterance.push(LOUD)
        await until(lambda: interims)
        assert interims == [InterimTranscript("interim 2", 2 * BLOCK / RATE)]
        await utterance.aclose()

    asyncio.run(main())


def test_no_interim_starts_while_a_final_is_under_way() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        engine.finals_may_end.clear()
        utterance.push(LOUD)
        final = asyncio.create_task(utterance.finalize())
        await until(lambda: "final 1" in engine.started)
        utterance.push(LOUD)
        for _ in range(50):
            await asyncio.sleep(0)
        assert "interim 2" not in engine.started
        engine.finals_may_end.set()
        await final
        await until(lambda: interims)
        assert interims[-1].text == "interim 2"

    play(test)


def test_silence_after_a_final_needs_no_new_one() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        utterance.push(LOUD)
        assert (await utterance.finalize()).text == "final 1"
        utterance.push(QUIET)
        assert await utterance.finalize() == FinalTranscript("final 1", 1.5 * BLOCK / RATE)
        utterance.push(LOUD)
        assert await utterance.finalize() == FinalTranscript("final 2.5", 2.5 * BLOCK / RATE)
        assert [name for name in engine.started if "final" in name] == ["final 1", "final 2.5"]

    play(test)


def test_fading_speech_is_transcribed_once_with_care() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        utterance.push(LOUD)
        await until(lambda: interims)
        utterance.push(QUIET)
        await until(lambda: len(interims) == 2)
        utterance.push(QUIET)
        for _ in range(50):
            await asyncio.sleep(0)
        assert engine.started == ["interim 1", f"final {FADED:g}"]
        assert await utterance.finalize() == FinalTranscript(f"final {FADED:g}", 2 * BLOCK / RATE)
        utterance.push(LOUD)
        await until(lambda: len(interims) == 3)
        assert engine.started[2:] == ["interim 3"]

    play(test)


def test_a_final_waits_for_the_careful_interim_in_progress() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        engine.interims_may_end.clear()
        engine.finals_may_end.clear()
        utterance.push(LOUD)
        await until(lambda: engine.started == ["interim 1"])
        utterance.push(QUIET)  # the older interim gives up, and is not waited for
        await until(lambda: engine.started == ["interim 1", f"final {FADED:g}"] and engine.gave_up.is_set())
        finals = [asyncio.create_task(utterance.finalize()) for _ in range(2)]
        await asyncio.sleep(0)
        finals[0].cancel()  # the other one still wants it
        with pytest.raises(asyncio.CancelledError):
            await finals[0]
        engine.finals_may_end.set()
        assert await finals[1] == FinalTranscript(f"final {FADED:g}", 1.5 * BLOCK / RATE)
        assert len(engine.started) == 2
        assert interims == []

    play(test)


def test_speech_after_the_fade_makes_the_careful_interim_worthless() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        engine.finals_may_end.clear()
        utterance.push(LOUD)
        utterance.push(QUIET)
        await until(lambda: engine.started == ["interim 1", f"final {FADED:g}"])
        utterance.push(LOUD)
        final = asyncio.create_task(utterance.finalize())
        await until(lambda: engine.started[2:] == ["final 2.5"])
        engine.finals_may_end.set()
        assert (await final).text == "final 2.5"

    play(test)


def test_a_final_does_not_fail_with_the_interim_it_waits_for() -> None:
    failed = threading.Event()

    async def main() -> None:
        def transcribe(samples: Samples, final: bool, give_up: Callable[[], bool]) -> FinalTranscript:
            if final and not failed.is_set():
                failed.set()
                raise EngineError("out of memory")
            return FinalTranscript("again" if final else "", len(samples) / RATE)

        utterance = BufferedUtterance(transcribe, lambda interim: None, 1)
        utterance.push(LOUD)
        utterance.push(QUIET)
        assert (await utterance.finalize()).text == "again"
        assert failed.is_set()
        await utterance.aclose()

    asyncio.run(main())


def test_a_cancelled_final_gives_up_and_a_later_one_covers_all() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        engine.finals_may_end.clear()
        utterance.push(LOUD)
        speculative = asyncio.create_task(utterance.finalize())
        await until(lambda: "final 1" in engine.started)
        speculative.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speculative
        await until(engine.gave_up.is_set)
        engine.finals_may_end.set()
        utterance.push(QUIET)
        assert await utterance.finalize() == FinalTranscript(f"final {FADED:g}", 1.5 * BLOCK / RATE)

    play(test)


def test_a_slow_earlier_final_does_not_replace_a_later_one() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        engine.finals_may_end.clear()
        utterance.push(LOUD)
        first = asyncio.create_task(utterance.finalize())
        await until(lambda: "final 1" in engine.started)
        utterance.push(LOUD)
        second = asyncio.create_task(utterance.finalize())
        await until(lambda: "final 2" in engine.started)
        engine.finals_may_end.set()
        assert [(await task).text for task in (second, first)] == ["final 2", "final 1"]
        assert (await utterance.finalize()).text == "final 2"

    play(test)


def test_closing_stops_everything() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        engine.interims_may_end.clear()
        engine.finals_may_end.clear()
        utterance.push(LOUD)
        await until(lambda: engine.started == ["interim 1"])
        final = asyncio.create_task(utterance.finalize())
        await until(lambda: "final 1" in engine.started)
        await utterance.aclose()
        with pytest.raises(EngineError):
            await final
        utterance.push(LOUD)
        with pytest.raises(EngineError):
            await utterance.finalize()
        assert interims == []

    play(test)


def test_a_failing_engine_fails_the_final_and_only_ends_the_interims(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        engine.fail = EngineError("out of memory")
        utterance.push(LOUD)
        await until(lambda: caplog.records)
        with pytest.raises(EngineError, match="out of memory"):
            await utterance.finalize()
        engine.fail = None
        assert (await utterance.finalize()).text == "final 1"

    play(test)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_audio_beyond_30_s_is_dropped_with_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        for _ in range(33):
            utterance.push(LOUD)
        assert (await utterance.finalize()).audio_s == 30

    play(test, interval_ms=0)
    assert len(caplog.records) == 1


def test_another_rate_is_refused() -> None:
    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        with pytest.raises(AudioError, match="8000"):
            utterance.push(AudioChunk(np.zeros(8, np.int16), 8000))

    play(test)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3000), max_size=12))
def test_chunk_sizes_do_not_matter(sizes: list[int]) -> None:
    audio = np.random.default_rng(len(sizes)).integers(-9000, 9000, sum(sizes)).astype(np.int16)

    async def test(engine: Engine, utterance: BufferedUtterance, interims: list[InterimTranscript]) -> None:
        reused = np.zeros(3000, np.int16)  # a caller may fill the same buffer again and again
        for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
            reused[:size] = audio[start : start + size]
            utterance.push(AudioChunk(reused[:size], RATE))
        await utterance.finalize()
        np.testing.assert_array_equal(engine.heard[-1], audio)

    play(test, interval_ms=0)
