"""Engines under their names: blame, deadlines, warm-up and closing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from voicebot.engines import Engine, Engines, blame, stream_from, within
from voicebot.errors import EngineError, EngineTimeout, ModelMissing
from voicebot.interfaces import Provider
from voicebot.testing import (
    LoudnessVAD,
    ScriptedLLM,
    ScriptedSTT,
    ScriptedTTS,
    ScriptedTurn,
    as_engine,
    run_virtual,
)


def tts() -> Engine[Provider]:
    return as_engine("tts", ScriptedTTS())


class Five:
    """Engines of all kinds, and their providers."""

    def __init__(self) -> None:
        self.vad, self.stt, self.turn = LoudnessVAD(), ScriptedSTT(), ScriptedTurn()
        self.llm, self.tts = ScriptedLLM(), ScriptedTTS()
        self.engines = Engines(
            as_engine("vad", self.vad),
            as_engine("stt", self.stt),
            as_engine("turn", self.turn),
            as_engine("llm", self.llm),
            as_engine("tts", self.tts),
        )

    @property
    def all(self) -> list[LoudnessVAD | ScriptedSTT | ScriptedTurn | ScriptedLLM | ScriptedTTS]:
        return [self.vad, self.stt, self.turn, self.llm, self.tts]


def fail(error: BaseException) -> None:
    with blame(tts()):
        raise error


# --- blame ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "message"), [(ValueError("too loud"), "ValueError: too loud"), (MemoryError(), "MemoryError")]
)
def test_whatever_goes_wrong_is_the_plugins_fault(error: Exception, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        fail(error)
    blamed = caught.value
    assert blamed.message == message
    assert (blamed.kind, blamed.plugin, blamed.distribution) == ("tts", "scripted", "voicebot-testing")
    assert blamed.__cause__ is error


def test_an_engine_error_keeps_what_it_says_of_itself() -> None:
    with pytest.raises(EngineError) as caught:
        fail(EngineError("no voice", plugin="choir", retryable=True))
    blamed = caught.value
    assert (blamed.kind, blamed.plugin, blamed.distribution) == ("tts", "choir", "voicebot-testing")
    assert blamed.retryable


@pytest.mark.parametrize("error", [ModelMissing("no model"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_what_is_nobodys_fault_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        fail(error)
    assert caught.value is error


# --- one result -------------------------------------------------------------------------------------------------------


def test_a_result_within_its_deadline() -> None:
    assert run_virtual(within(tts(), asyncio.sleep(1, "result"), 2, "result")) == "result"


def test_a_missed_deadline_names_the_engine_and_what_was_missed() -> None:
    with pytest.raises(EngineTimeout, match="no verdict within 2 s") as caught:
        run_virtual(within(tts(), asyncio.sleep(3), 2, "verdict"))
    assert caught.value.plugin == "scripted"
    assert caught.value.retryable


def test_the_engines_own_timeout_is_not_taken_for_the_deadline() -> None:
    async def give_up() -> None:
        raise TimeoutError("server is slow")

    with pytest.raises(EngineError, match="TimeoutError: server is slow") as caught:
        run_virtual(within(tts(), give_up(), 2, "verdict"))
    assert not isinstance(caught.value, EngineTimeout)


# --- a stream of results ----------------------------------------------------------------------------------------------


class Counter:
    """Counts up, pausing before each number; knows whether it was closed."""

    def __init__(self, *pauses_s: float, error: Exception | None = None) -> None:
        self.pauses_s, self.error, self.closed = pauses_s, error, False

    async def stream(self) -> AsyncGenerator[int, None]:
        try:
            for number, pause_s in enumerate(self.pauses_s):
                await asyncio.sleep(pause_s)
                yield number
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


async def collect(counter: Counter, got: list[int], *, deadline_s: float = 2) -> None:
    async for number in stream_from(tts(), counter.stream(), deadline_s, "number"):
        got.append(number)
        await asyncio.sleep(10)  # The consumer's time does not count.


def test_each_result_has_its_own_deadline() -> None:
    got: list[int] = []
    run_virtual(collect(Counter(1.9, 1.9, 1.9), got))
    assert got == [0, 1, 2]


def test_a_stream_that_stalls_is_closed_and_blamed() -> None:
    counter, got = Counter(1, 3), list[int]()
    with pytest.raises(EngineTimeout, match="no number within 2 s"):
        run_virtual(collect(counter, got))
    assert got == [0]
    assert counter.closed


def test_a_stream_that_fails_is_blamed() -> None:
    with pytest.raises(EngineError, match="OSError: gone"):
        run_virtual(collect(Counter(1, error=OSError("gone")), []))


def test_closing_it_closes_the_engines_stream() -> None:
    counter = Counter(1, 1, 1)

    async def main() -> None:
        async with aclosing(stream_from(tts(), counter.stream(), 2, "number")) as stream:
            assert await anext(stream) == 0
            assert not counter.closed
        assert counter.closed

    run_virtual(main())


# --- all of a call's --------------------------------------------------------------------------------------------------


def test_all_are_warmed_up_at_once() -> None:
    five = Five()
    for provider in five.all:
        provider.warmup_s = 3

    async def main() -> float:
        await five.engines.warmup(5)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3
    assert [provider.warmups for provider in five.all] == [1] * 5
    assert [engine.kind for engine in five.engines] == ["vad", "stt", "turn", "llm", "tts"]


def test_one_that_is_not_ready_in_time_stops_the_others() -> None:
    five = Five()
    five.llm.warmup_s, five.tts.warmup_s = 8, 50
    with pytest.raises(EngineTimeout, match="not ready after 5 s") as caught:
        run_virtual(five.engines.warmup(5))
    assert caught.value.kind in ("llm", "tts")
    assert (five.llm.warmups, five.tts.warmups) == (0, 0)


def test_one_that_fails_is_named() -> None:
    five = Five()
    five.stt.fail_warmup_with = RuntimeError("bad model")
    with pytest.raises(EngineError, match="RuntimeError: bad model") as caught:
        run_virtual(five.engines.warmup(5))
    assert caught.value.kind == "stt"


@pytest.mark.parametrize(
    ("error", "told"), [(OSError("busy"), "OSError: busy"), (ModelMissing("no model"), "no model")]
)
def test_all_are_closed_whatever_some_do(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    five = Five()

    async def fail_to_close() -> None:
        raise error

    for provider in (five.vad, five.llm):
        monkeypatch.setattr(provider, "aclose", fail_to_close)
    with pytest.raises(Exception, match=told):
        run_virtual(five.engines.aclose())
    assert [provider.closes for provider in five.all] == [0, 1, 1, 0, 1]


def test_closing_twice_is_fine() -> None:
    five = Five()

    async def main() -> None:
        await five.engines.aclose()
        await five.engines.aclose()

    run_virtual(main())
