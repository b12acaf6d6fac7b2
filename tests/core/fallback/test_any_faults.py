"""Whatever goes wrong, and whenever it is cancelled: an answer or one error in time, and nothing left running."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.fallback.support import (
    SECOND,
    Clock,
    Ear,
    Fault,
    LLMChain,
    Model,
    STTChain,
    TTSChain,
    Voice,
    lasting,
    passing,
)

from voicebot.errors import EngineError
from voicebot.testing import run_virtual

DEADLINE_S = 10.0
NAMES = "abc"

ERRORS = st.sampled_from([None, "passing", "lasting", "bug", "wait a little", "wait long"])


def make_fault(kind: str | None, after: int) -> Fault:
    errors = {
        "passing": passing(),
        "lasting": lasting(),
        "bug": KeyError("x"),
        "wait a little": passing(0.2),
        "wait long": passing(30),
    }
    return Fault(errors[kind] if kind else None, after)


FAULTS = st.builds(make_fault, ERRORS, st.integers(0, 2))
SCRIPT = st.lists(st.one_of(st.none(), FAULTS), max_size=6)
SCRIPTS = st.lists(SCRIPT, min_size=1, max_size=3)
# For each request: how long the caller thinks first, and after how long it is cancelled, where it is.
REQUESTS = st.lists(st.tuples(st.sampled_from([0, 1, 6, 40]), st.none() | st.floats(0, 8)), max_size=5)


async def outcome_of(work: asyncio.Task[object], cancel_s: float | None) -> str:
    """How it ended: `done`, `failed`, `cancelled`."""
    await asyncio.wait([work], timeout=cancel_s)
    if not work.done():
        work.cancel()
        await asyncio.wait([work])
    if work.cancelled():
        return "cancelled"
    error = work.exception()
    if error is None:
        return "done"
    assert isinstance(error, EngineError), error
    assert error.plugin in NAMES
    return "failed"


@given(SCRIPTS, REQUESTS)
@settings(max_examples=150)
def test_models(scripts: list[list[Fault | None]], requests: list[tuple[float, float | None]]) -> None:
    models = [
        Model(name, *("I am here." if step is None else step for step in script))
        for name, script in zip(NAMES, scripts, strict=False)
    ]
    chain = LLMChain(*models, deadline_s=DEADLINE_S)

    async def main() -> None:
        for pause_s, cancel_s in requests:
            await asyncio.sleep(pause_s)
            asked = [len(model.asked) for model in models]
            chain.told.clear()
            chain.said = ""
            clock = Clock()
            outcome = await outcome_of(asyncio.create_task(chain.answer()), cancel_s)
            # Once to the first token, once in between two.
            assert clock.s <= 2 * DEADLINE_S + 1
            assert chain.said or outcome != "done"
            if outcome == "failed" and not chain.said:
                assert clock.s <= DEADLINE_S + 0.01
            assert chain.idle()
            times = [len(model.asked) - before for model, before in zip(models, asked, strict=True)]
            assert max(times) <= 2
            ended = {"done": 1, "failed": 0, "cancelled": 0}[outcome]
            gave_up = [event.action for event in chain.told].count("gave_up")
            assert gave_up == (outcome == "failed")
            if outcome != "cancelled":
                # What was asked has either answered, or was told of (a server that must not be asked is told of too).
                assert sum(times) in (len(chain.told) + ended, len(chain.told) - 1)

    run_virtual(main())


@given(SCRIPTS, REQUESTS)
@settings(max_examples=100)
def test_voices(scripts: list[list[Fault | None]], requests: list[tuple[float, float | None]]) -> None:
    voices = [Voice(*script) for script in scripts]
    chain = TTSChain(*voices, deadline_s=DEADLINE_S)

    async def main() -> None:
        for pause_s, cancel_s in requests:
            await asyncio.sleep(pause_s)
            clock = Clock()
            outcome = await outcome_of(asyncio.create_task(chain.say()), cancel_s)
            assert clock.s <= 2 * DEADLINE_S + 1
            assert chain.rates or outcome != "done"
            assert chain.idle()

    run_virtual(main())


@given(SCRIPTS, REQUESTS, st.integers(0, 3))
@settings(max_examples=100)
def test_recognisers(
    scripts: list[list[Fault | None]], requests: list[tuple[float, float | None]], more: int
) -> None:
    ears = [Ear(name, *script) for name, script in zip(NAMES, scripts, strict=False)]
    chain = STTChain(*ears, deadline_s=DEADLINE_S)

    async def main() -> None:
        for pause_s, cancel_s in requests:
            await asyncio.sleep(pause_s)
            utterance = chain.start(1)
            for seconds in range(1, more + 2):
                clock = Clock()
                work = asyncio.create_task(utterance.finalize())
                outcome = await outcome_of(work, cancel_s)
                assert clock.s <= DEADLINE_S + 0.01
                if outcome == "done":
                    # All that was said, whoever heard it.
                    assert work.result().audio_s == seconds
                utterance.push(SECOND)
            await utterance.aclose()
            assert chain.idle()

    run_virtual(main())
