"""Voices in a chain."""

from __future__ import annotations

import asyncio

import pytest
from tests.core.fallback.support import Clock, Fault, TTSChain, Voice, lasting, passing

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError, EngineTimeout
from voicebot.interfaces import SynthesisEvent, WordMark
from voicebot.testing import run_virtual

A, B = 16_000, 22_050


def chain_of(*script: Fault | str | None, other: tuple[Fault | str | None, ...] = ()) -> TTSChain:
    return TTSChain(Voice(*script, sample_rate=A), Voice(*other, sample_rate=B))


@pytest.mark.parametrize(
    ("error", "attempts", "lost_s"),
    [(passing(), 2, 0.3), (lasting(), 1, 0.05), (ValueError("phoneme"), 1, 0.05), (None, 1, 3.0)],
)
def test_a_clause_of_which_nothing_was_heard_is_said_by_the_next(
    error: Exception | None, attempts: int, lost_s: float
) -> None:
    chain = chain_of(Fault(error), Fault(error))

    async def main() -> list[SynthesisEvent]:
        clock = Clock()
        events = [event async for event in chain.provider.synthesize("Hello there.")]
        assert clock.s == pytest.approx(lost_s + 0.05)
        return events

    mark, *chunks = run_virtual(main())
    # The first one's marks are not mixed with the second's.
    assert isinstance(mark, WordMark)
    assert [chunk.sample_rate for chunk in chunks if isinstance(chunk, AudioChunk)] == [B, B, B]
    assert [voice.spoken for voice in chain.voices] == [["Hello there."] * attempts, ["Hello there."]]
    assert chain.idle()


def test_a_voice_that_another_stood_in_for_is_left_alone() -> None:
    """Even where its error would pass: an answer should not change between voices."""
    chain = chain_of(Fault(), Fault())

    async def main() -> None:
        assert await chain.say() == [B] * 3
        clock = Clock()
        assert await chain.say() == [B] * 3
        assert clock.s == 0.05
        await asyncio.sleep(5)
        chain.voices[0].script.clear()
        assert await chain.say() == [A] * 3

    run_virtual(main())
    assert len(chain.told) == 1


@pytest.mark.parametrize("error", [passing(), lasting(), ValueError("phoneme"), None])
def test_one_that_breaks_off_is_dropped_and_the_next_clause_goes_on(error: Exception | None) -> None:
    chain = chain_of(Fault(error, after=1))

    async def main() -> None:
        assert await chain.say("One.") == [A]
        assert await chain.say("Two.") == [B] * 3

    run_virtual(main())
    assert [voice.spoken for voice in chain.voices] == [["One."], ["Two."]]
    assert chain.told.short == [("a", "midway", "next", "b")]
    assert chain.idle()


def test_alone_it_fails() -> None:
    chain = TTSChain(Voice(Fault(passing(), after=1)))
    with pytest.raises(EngineError, match="the server is busy") as caught:
        run_virtual(chain.say())
    assert caught.value.plugin == "a"
    assert chain.rates == [16_000]
    assert chain.told.short == [("a", "midway", "gave_up", "")]


def test_with_both_broken_it_fails() -> None:
    chain = chain_of(Fault(lasting()), other=(Fault(None, after=2),))

    async def main() -> None:
        with pytest.raises(EngineTimeout, match="no audio within 10 s") as caught:
            await chain.say()
        assert caught.value.plugin == "b"

    run_virtual(main())
    assert chain.rates == [B, B]
    assert chain.idle()


def test_words_without_a_sound_are_a_failure() -> None:
    chain = chain_of("", "")
    assert run_virtual(chain.say()) == [B] * 3
    assert {event.message for event in chain.told} == {"it made no sound of the text"}


def test_no_words_may_have_no_sound() -> None:
    chain = chain_of("")
    assert run_virtual(chain.say("…")) == []
    assert chain.told == []
    assert chain.voices[1].spoken == []


@pytest.mark.parametrize("fault", [Fault(), Fault(passing()), Fault(None, after=1)])
def test_cancelled_in_any_phase_nothing_is_left_running(fault: Fault) -> None:
    chain = chain_of(fault, fault)

    async def main() -> None:
        task = asyncio.create_task(chain.say())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert chain.idle()

    run_virtual(main())
    assert chain.voices[1].spoken == []


def test_two_clauses_at_once() -> None:
    chain = chain_of(Fault(lasting()), Fault(lasting()))

    async def main() -> None:
        first = asyncio.create_task(chain.say("One."))
        second = asyncio.create_task(chain.say("Two."))
        assert await first == await second == [B] * 3

    run_virtual(main())
    assert sorted(chain.voices[1].spoken) == ["One.", "Two."]
