"""Readiness, closing and telling of a chain."""

from __future__ import annotations

import asyncio
import logging

import pytest
from tests.core.fallback.support import Clock, Fault, LLMChain, Model, lasting, passing

from voicebot.errors import EngineError, EngineTimeout, ModelMissing, VoicebotError
from voicebot.events import as_message
from voicebot.fallback import Chain, FallbackEvent
from voicebot.testing import run_virtual


def three(**options: object) -> LLMChain:
    return LLMChain(Model("a"), Model("b"), Model("c"), **options)


def test_all_are_warmed_up_at_once() -> None:
    chain = three()
    for model in chain.models:
        model.warmup_s = 3

    async def main() -> None:
        clock = Clock()
        await chain.provider.warmup()
        assert clock.s == 3
        await chain.provider.warmup()
        assert clock.s == 3

    run_virtual(main())
    assert [model.warmups for model in chain.models] == [1, 1, 1]
    assert [engine.name for engine in chain.provider.warm_engines] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "error", [lasting(), passing(), RuntimeError("bad weights"), ModelMissing("no file")]
)
def test_one_that_is_ready_is_enough(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    chain = three(warmup_s=4)
    chain.models[0].fail_warmup_with = error
    chain.models[1].warmup_s = 60

    async def main() -> None:
        clock = Clock()
        await chain.provider.warmup()
        assert clock.s == 4
        assert [engine.name for engine in chain.provider.warm_engines] == ["c"]
        health = chain.provider.health()
        assert [(one.plugin, one.warm, one.breaker) for one in health] == [
            ("a", False, "open"),
            ("b", False, "open"),
            ("c", True, "closed"),
        ]
        assert health[0].problem
        assert health[1].problem == "not ready after 4 s of warm-up."
        assert await chain.answer() == "I am c."
        await chain.provider.aclose()

    with caplog.at_level(logging.WARNING):
        run_virtual(main())
    assert sorted(chain.told.short) == [("a", "warmup", "next", "c"), ("b", "warmup", "next", "c")]
    assert len(caplog.messages) == 2
    assert [model.asked for model in chain.models[:2]] == [[], []]


def test_when_none_is_ready_the_preferred_one_says_why() -> None:
    chain = three(warmup_s=5)
    chain.models[0].warmup_s = 60
    chain.models[1].fail_warmup_with = lasting()
    missing = ModelMissing("no file", hint="Fetch it.")
    chain.models[2].fail_warmup_with = missing
    with pytest.raises(EngineTimeout, match="not ready after 5 s") as caught:
        run_virtual(chain.provider.warmup())
    assert caught.value.plugin == "a"
    assert {event.action for event in chain.told} == {"gave_up"}

    alone = LLMChain(chain.models[2])
    with pytest.raises(VoicebotError) as raised:
        run_virtual(alone.provider.warmup())
    assert raised.value is missing


def test_one_that_was_not_ready_is_warmed_up_later_beside_the_requests() -> None:
    chain = LLMChain(Model("a"), Model("b"))
    slow = chain.models[0]
    slow.fail_warmup_with = lasting()

    async def main() -> None:
        await chain.provider.warmup()
        slow.warmup_s = 20
        await asyncio.sleep(5)
        # Nobody waits for it, and it is not asked while it warms up; once is enough.
        for _ in range(3):
            clock = Clock()
            assert await chain.answer() == "I am b."
            assert clock.s == pytest.approx(0.16)
        await asyncio.sleep(20)
        # It has failed again: the pause is longer now.
        slow.fail_warmup_with = None
        assert await chain.answer() == "I am b."
        await asyncio.sleep(5)
        assert await chain.answer() == "I am b."
        assert slow.warmups == 0
        await asyncio.sleep(10)
        assert await chain.answer() == "I am b."
        await asyncio.sleep(20)
        assert slow.warmups == 1
        assert await chain.answer() == "I am a."
        await chain.provider.aclose()

    run_virtual(main())


def test_closed_while_one_is_warmed_up_again_nothing_is_left() -> None:
    chain = LLMChain(Model("a"), Model("b"))
    chain.models[0].fail_warmup_with = lasting()

    async def main() -> None:
        await chain.provider.warmup()
        await asyncio.sleep(5)
        chain.models[0].warmup_s = 20
        await chain.answer()
        await asyncio.sleep(1)
        clock = Clock()
        await chain.provider.aclose()
        await chain.provider.aclose()
        assert clock.s == 0

    run_virtual(main())  # which fails where a task is left
    assert [model.closes for model in chain.models] == [2, 2]


def test_a_cancelled_warm_up_leaves_nothing() -> None:
    chain = three()
    for model in chain.models:
        model.warmup_s = 20

    async def main() -> None:
        task = asyncio.create_task(chain.provider.warmup())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    run_virtual(main())
    assert chain.told == []


def test_all_are_closed_whatever_some_do(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = three()

    async def refuse() -> None:
        raise OSError("busy")

    monkeypatch.setattr(chain.models[0], "aclose", refuse)
    with pytest.raises(EngineError, match="OSError: busy") as caught:
        run_virtual(chain.provider.aclose())
    assert caught.value.plugin == "a"
    assert [model.closes for model in chain.models] == [0, 1, 1]


def test_whoever_listens_cannot_break_a_request(caplog: pytest.LogCaptureFixture) -> None:
    chain = LLMChain(Model("a", Fault(lasting())), Model("b"))

    def broken(event: FallbackEvent) -> None:
        raise RuntimeError("listener")

    chain.provider.on_fallback = broken
    assert run_virtual(chain.answer()) == "I am b."
    assert "whoever listens" in caplog.text


def test_what_is_told_can_leave_the_process_and_be_read_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    chain = LLMChain(Model("a", Fault(passing()), Fault(lasting())), Model("b"))
    assert run_virtual(chain.answer()) == "I am b."
    assert as_message(chain.told[0]) == {
        "name": "fallback_event",
        "at_s": 0.1,
        "kind": "llm",
        "plugin": "a",
        "distribution": "dist-a",
        "code": "engine",
        "message": "the server is busy",
        "stage": "first_result",
        "action": "retried",
        "next_plugin": "a",
        "after_ms": 100.0,
        "wait_ms": 200.0,
        "turn_id": None,
    }
    assert caplog.messages == [
        "the llm plugin 'a' of dist-a: the server is busy; asking it again in 200 ms",
        "the llm plugin 'a' of dist-a: the key is wrong; asking 'b'",
    ]


def test_what_is_given_up_is_raised_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    chain = LLMChain(Model("a", Fault(lasting())))
    with pytest.raises(EngineError):
        run_virtual(chain.answer())
    assert caplog.messages == []


def test_a_chain_needs_an_engine() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Chain([], deadline_s=1, warmup_s=1)


def test_what_a_chain_can_do() -> None:
    assert LLMChain(Model("a"), Model("b", tools=True)).provider.capabilities.tools
    assert not LLMChain(Model("a"), Model("b")).provider.capabilities.tools


def test_two_requests_at_once_warm_it_up_once() -> None:
    chain = LLMChain(Model("a"), Model("b"))
    chain.models[0].fail_warmup_with = lasting()

    async def main() -> None:
        await chain.provider.warmup()
        await asyncio.sleep(5)
        chain.models[0].fail_warmup_with = None
        await asyncio.gather(chain.answer(), chain.answer())
        assert chain.models[0].warmups == 1
        await chain.provider.aclose()

    run_virtual(main())
