"""Recognisers in a chain."""

from __future__ import annotations

import asyncio

import pytest
from tests.core.fallback.support import SECOND, Clock, Ear, Fault, STTChain, lasting, passing

from voicebot.errors import EngineError, EngineTimeout
from voicebot.testing import run_virtual


def test_the_first_hears_while_it_can() -> None:
    chain = STTChain(Ear("a"), Ear("b"))
    assert run_virtual(chain.hear()) == "a 2"
    assert chain.interims == ["a", "a"]
    assert chain.ears[1].heard == []
    assert chain.idle()


@pytest.mark.parametrize(
    ("error", "attempts", "lost_s"),
    [(passing(), 2, 0.22), (lasting(), 1, 0.01), (ValueError("shape"), 1, 0.01), (None, 1, 3.0)],
)
def test_what_was_said_is_heard_by_the_next(error: Exception | None, attempts: int, lost_s: float) -> None:
    chain = STTChain(Ear("a", Fault(error), Fault(error)), Ear("b"))

    async def main() -> None:
        clock = Clock()
        assert await chain.hear() == "b 2"
        assert clock.s == pytest.approx(lost_s + 0.05)

    run_virtual(main())
    assert len(chain.ears[0].heard) == attempts
    assert [event.action for event in chain.told] == ["retried"] * (attempts - 1) + ["next"]
    assert chain.idle()


def test_the_next_goes_on_listening() -> None:
    chain = STTChain(Ear("a", Fault(lasting())), Ear("b"))

    async def main() -> None:
        utterance = chain.start()
        assert (await utterance.finalize()).text == "b 2"
        utterance.push(SECOND)
        final = await utterance.finalize()
        assert (final.text, final.audio_s) == ("b 3", 3)
        assert chain.interims == ["a", "a", "b", "b"]
        # One that was let go of is not heard any more.
        chain.ears[0].heard[0].push(SECOND)
        assert len(chain.interims) == 4
        await utterance.aclose()
        chain.ears[1].heard[0].push(SECOND)
        assert len(chain.interims) == 4

    run_virtual(main())
    assert chain.idle()


def test_what_is_said_while_it_fails_is_heard_too() -> None:
    chain = STTChain(Ear("a", Fault(passing()), Fault()), Ear("b"))

    async def main() -> None:
        utterance = chain.start()
        task = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0.1)  # between two attempts
        utterance.push(SECOND)
        await asyncio.sleep(1)  # in the second
        utterance.push(SECOND)
        assert (await task).text == "b 4"
        await utterance.aclose()

    run_virtual(main())
    assert chain.idle()


@pytest.mark.parametrize("stage", ["start", "push"])
def test_one_that_does_not_take_audio_is_passed_over(stage: str) -> None:
    chain = STTChain(Ear("a"), Ear("b"), Ear("c"))
    for ear in chain.ears[:2]:
        if stage == "start":
            ear.fail_with = RuntimeError("cannot start")
        else:
            ear.fail_push = RuntimeError("cannot push")

    assert run_virtual(chain.hear()) == "c 2"
    assert chain.told.short == [("a", "first_result", "next", "b"), ("b", "first_result", "next", "c")]
    assert chain.interims == ["c", "c"]
    assert chain.idle()


def test_one_that_refuses_later_audio_is_passed_over_with_all_of_it() -> None:
    chain = STTChain(Ear("a"), Ear("b"))

    async def main() -> None:
        utterance = chain.start()
        chain.ears[0].fail_push = OSError("gone")
        utterance.push(SECOND)
        assert (await utterance.finalize()).text == "b 3"
        await utterance.aclose()

    run_virtual(main())
    assert chain.idle()


def test_refused_while_it_is_awaited_it_is_passed_over_once() -> None:
    chain = STTChain(Ear("a", Fault()), Ear("b"))

    async def main() -> None:
        utterance = chain.start()
        task = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0.5)
        chain.ears[0].fail_push = OSError("gone")
        utterance.push(SECOND)
        assert (await task).text == "b 3"
        await utterance.aclose()

    run_virtual(main())
    assert chain.told.short == [("a", "first_result", "next", "b")]
    assert chain.idle()


def test_when_none_takes_audio_the_last_says_why() -> None:
    chain = STTChain(Ear("a"), Ear("b"))
    for ear in chain.ears:
        ear.fail_push = OSError(f"no {ear.texts[0]}")

    async def main() -> None:
        with pytest.raises(EngineError, match="OSError: no b") as caught:
            chain.start()
        assert caught.value.plugin == "b"

    run_virtual(main())
    assert [event.action for event in chain.told] == ["next", "gave_up"]


def test_when_all_fail_the_turn_is_lost_not_the_utterance() -> None:
    chain = STTChain(Ear("a", Fault(lasting())), Ear("b", Fault(passing()), Fault(passing())))

    async def main() -> None:
        utterance = chain.start()
        with pytest.raises(EngineError, match="the server is busy") as caught:
            await utterance.finalize()
        assert caught.value.plugin == "b"
        utterance.push(SECOND)
        assert (await utterance.finalize()).text in ("a 3", "b 3")
        await utterance.aclose()

    run_virtual(main())
    assert chain.idle()


def test_all_attempts_share_one_deadline() -> None:
    chain = STTChain(Ear("a", Fault()), Ear("b", Fault()), deadline_s=5)

    async def main() -> None:
        clock = Clock()
        with pytest.raises(EngineTimeout, match="no final transcript within 2 s"):
            await chain.hear()
        assert clock.s == 5

    run_virtual(main())
    assert chain.idle()


def test_more_than_can_be_kept_goes_to_the_one_that_listens() -> None:
    chain = STTChain(Ear("a", None, Fault(lasting())), Ear("b"))
    chain.ears[1].max_utterance_s = 10.0

    async def main() -> None:
        await chain.provider.warmup()
        assert chain.provider.max_utterance_s == 10
        utterance = chain.start(12)
        assert (await utterance.finalize()).text == "a 12"
        assert (await utterance.finalize()).text == "b 10"
        await utterance.aclose()

    run_virtual(main())


@pytest.mark.parametrize(("fault", "after_s"), [(Fault(), 1.0), (Fault(passing()), 0.1), (None, 0.02)])
def test_cancelled_in_any_phase_it_can_be_finalised_again(fault: Fault | None, after_s: float) -> None:
    chain = STTChain(Ear("a", fault), Ear("b"))

    async def main() -> None:
        utterance = chain.start()
        task = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(after_s)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not any(ear.running for ear in chain.ears)
        utterance.push(SECOND)
        assert chain.interims == ["a"] * 3
        assert (await utterance.finalize()).text == "a 3"
        await utterance.aclose()

    run_virtual(main())
    assert chain.idle()


def test_closed_while_it_is_awaited_nobody_else_is_asked() -> None:
    chain = STTChain(Ear("a", Fault(passing())), Ear("b"))

    async def main() -> None:
        utterance = chain.start()
        task = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0.1)
        await utterance.aclose()
        with pytest.raises(EngineError, match="was closed"):
            await task
        with pytest.raises(EngineError, match="was closed"):
            await utterance.finalize()
        utterance.push(SECOND)

    run_virtual(main())
    assert chain.ears[1].heard == []
    assert chain.idle()


def test_an_utterance_that_is_never_finalised_lets_the_next_probe() -> None:
    chain = STTChain(Ear("a", Fault(lasting())), Ear("b"))

    async def main() -> None:
        assert await chain.hear() == "b 2"
        await asyncio.sleep(5)
        probe = chain.start()
        assert await chain.hear() == "b 2"
        await probe.aclose()
        assert await chain.hear() == "a 2"
        assert chain.provider.health()[0].breaker == "closed"

    run_virtual(main())


def test_one_that_will_not_close_does_not_keep_the_others_open() -> None:
    chain = STTChain(Ear("a", Fault(lasting())), Ear("b"))

    async def main() -> None:
        utterance = chain.start()
        await utterance.finalize()

        async def refuse() -> None:
            raise OSError("will not close")

        chain.ears[1].heard[0].aclose = refuse  # type: ignore[method-assign]
        with pytest.raises(EngineError, match="will not close") as caught:
            await utterance.aclose()
        assert caught.value.plugin == "b"
        assert chain.ears[0].heard[0].closed
        await utterance.aclose()

    run_virtual(main())


def test_an_utterance_moves_on_where_its_server_has_asked_to_be_left_alone_meanwhile() -> None:
    chain = STTChain(Ear("a", Fault(passing(20))), Ear("b"))

    async def main() -> None:
        earlier, later = chain.start(1), chain.start(2)
        assert (await earlier.finalize()).text == "b 1"
        assert (await later.finalize()).text == "b 2"
        await earlier.aclose()
        await later.aclose()

    run_virtual(main())
    assert [event.action for event in chain.told] == ["next"]
    assert chain.idle()


def test_one_that_has_failed_is_not_finalised_again_by_a_later_request() -> None:
    chain = STTChain(Ear("a", Fault(passing())), Ear("b"))

    async def main() -> None:
        utterance = chain.start()
        earlier = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0.1)  # between two attempts
        utterance.push(SECOND)
        assert (await utterance.finalize()).text == "a 3"
        assert (await earlier).text == "a 3"
        await utterance.aclose()

    run_virtual(main())
    first, *_ = chain.ears[0].heard
    assert (first.finals, first.closed) == (0, True)
