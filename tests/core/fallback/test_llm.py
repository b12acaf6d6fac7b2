"""Language models in a chain: each error at each stage, and what the caller gets."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from tests.core.fallback.support import (
    LIMITS,
    QUESTION,
    Clock,
    Fault,
    LLMChain,
    Model,
    lasting,
    passing,
)

from voicebot.errors import EngineError, EngineTimeout, ModelMissing
from voicebot.fallback import BreakerSettings, FallbackLLM, Limits, chained
from voicebot.fallback.llm import without_tools
from voicebot.interfaces import ChatMessage, LLMEvent, TextDelta, TokenUsage, ToolCall, ToolSpec
from voicebot.testing import as_engine, run_virtual

TOOL = ToolSpec("weather", "Tells the weather.", {"type": "object"})


def test_the_first_answers_while_it_can() -> None:
    chain = LLMChain(Model("a"), Model("b"))

    async def main() -> None:
        clock = Clock()
        async for _ in chain.provider.generate(QUESTION):
            assert clock.s == 0.1  # when the model itself gave it
            break
        assert await chain.answer() == "I am a."

    run_virtual(main())
    assert chain.told == []
    assert chain.models[1].asked == []


# --- before the first token -------------------------------------------------------------------------------------------

BEFORE: dict[str, tuple[Exception | None, int, float]] = {
    "passing": (passing(), 2, 0.1 + 0.2 + 0.1),
    "lasting": (lasting(), 1, 0.1),
    "rate limit, soon over": (passing(0.25), 2, 0.1 + 0.45 + 0.1),
    "rate limit, long": (passing(20), 1, 0.1),
    "a bug": (ValueError("index"), 1, 0.1),
    "a model that is not there": (ModelMissing("no such model"), 1, 0.1),
    "silence": (None, 1, 3.0),
}


@pytest.mark.parametrize("fault", BEFORE)
def test_before_its_first_token_the_next_answers(fault: str) -> None:
    error, attempts, lost_s = BEFORE[fault]
    chain = LLMChain(Model("a", Fault(error), Fault(error)), Model("b"))

    async def main() -> None:
        clock = Clock()
        first_at = None
        async for _ in chain.provider.generate(QUESTION):
            first_at = first_at or clock.s
        assert first_at == pytest.approx(lost_s + 0.1)

    run_virtual(main())
    assert len(chain.models[0].asked) == attempts
    assert [model.asked[-1] for model in chain.models] == [QUESTION, QUESTION]
    retried = [("a", "first_result", "retried", "a")] * (attempts - 1)
    assert chain.told.short == [*retried, ("a", "first_result", "next", "b")]
    assert chain.idle()
    event = chain.told[-1]
    assert (event.kind, event.distribution) == ("llm", "dist-a")
    assert event.code == ("engine_timeout" if error is None else "engine")
    assert event.message


def test_what_passes_is_answered_by_the_same_after_a_moment() -> None:
    chain = LLMChain(Model("a", Fault(passing())), Model("b"))
    assert run_virtual(chain.answer()) == "I am a."
    (event,) = chain.told
    assert (event.action, event.wait_ms, event.after_ms) == ("retried", 200, 100)


@pytest.mark.parametrize("reply", ["", "  \n "])
def test_an_empty_answer_is_none(reply: str) -> None:
    chain = LLMChain(Model("a", reply, reply), Model("b"))
    assert run_virtual(chain.answer()) == "I am b."
    assert {event.message for event in chain.told} == {"it had nothing to say"}


def test_when_all_fail_the_last_error_is_the_requests() -> None:
    chain = LLMChain(Model("a", Fault(lasting())), Model("b", Fault(OSError("gone"))))
    with pytest.raises(EngineError, match="OSError: gone") as caught:
        run_virtual(chain.answer())
    assert (caught.value.kind, caught.value.plugin, caught.value.distribution) == ("llm", "b", "dist-b")
    assert chain.told.short == [("a", "first_result", "next", "b"), ("b", "first_result", "gave_up", "")]


def test_all_attempts_share_one_deadline() -> None:
    chain = LLMChain(Model("a", Fault()), Model("b", Fault()), Model("c", Fault()), Model("d"), deadline_s=8)

    async def main() -> None:
        clock = Clock()
        with pytest.raises(EngineTimeout, match="no token within 2 s") as caught:
            await chain.answer()
        assert caught.value.plugin == "c"
        assert clock.s == 8

    run_virtual(main())
    assert [event.after_ms for event in chain.told] == [3_000, 3_000, 2_000]
    assert chain.models[3].asked == []
    assert chain.idle()


# --- after it ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [passing(), lasting(), ValueError("index"), None])
def test_after_its_first_token_nothing_is_begun_anew(error: Exception | None) -> None:
    chain = LLMChain(Model("a", Fault(error, after=2)), Model("b"))

    async def main() -> None:
        with pytest.raises(EngineError) as caught:
            await chain.answer()
        assert caught.value.plugin == "a"
        assert caught.value.retryable  # somebody else would be asked
        assert chain.said == "one two"
        # The next request goes to the other.
        assert await chain.answer() == "I am b."

    run_virtual(main())
    assert chain.told.short[0] == ("a", "midway", "gave_up", "")
    assert chain.idle()


@pytest.mark.parametrize(("error", "again"), [(passing(), True), (lasting(), False), (None, False)])
def test_with_nobody_else_only_what_may_pass_is_worth_asking_again(
    error: Exception | None, again: bool
) -> None:
    chain = LLMChain(Model("a", Fault(error, after=2)))

    async def main() -> None:
        with pytest.raises(EngineError) as caught:
            await chain.answer()
        assert caught.value.retryable is again

    run_virtual(main())


def test_a_tool_call_is_a_result_and_tools_go_only_to_those_that_know_them() -> None:
    call = ToolCall("1", "weather", "{}")
    chain = LLMChain(Model("a", Fault(lasting()), tools=True), Model("b"), Model("c", call, tools=True))
    assert chain.provider.capabilities.tools

    async def ask(tools: list[ToolSpec]) -> list[LLMEvent]:
        return [event async for event in chain.provider.generate(QUESTION, tools)]

    async def main() -> None:
        events = await ask([TOOL])
        assert isinstance(events[0], TextDelta)
        chain.models[1].script.append(Fault(lasting()))
        events = await ask([TOOL])
        assert events == [call, TokenUsage(10, 0)]

    run_virtual(main())
    assert [list(tools) for tools in chain.models[0].given_tools] == [[TOOL]]
    assert [list(tools) for tools in chain.models[1].given_tools] == [[], []]
    assert [list(tools) for tools in chain.models[2].given_tools] == [[TOOL]]


def test_what_tools_found_is_told_to_a_model_without_them() -> None:
    system, user = QUESTION
    conversation = [
        system,
        user,
        ChatMessage("assistant", "Let me see.", tool_calls=(ToolCall("1", "weather", "{}"),)),
        ChatMessage("tool", "12 °C, rain", tool_call_id="1"),
        ChatMessage("tool", "umbrella: no", tool_call_id="2"),
    ]
    told = without_tools(conversation)
    assert told == [system, ChatMessage("user", "How are you?\n\n(12 °C, rain)\n\n(umbrella: no)")]
    assert conversation[1] is user
    assert without_tools(QUESTION) == QUESTION


# --- over several turns -----------------------------------------------------------------------------------------------


def test_what_is_broken_is_left_alone_then_tried_again() -> None:
    chain = LLMChain(Model("a", Fault(lasting()), Fault(lasting())), Model("b"))

    async def main() -> None:
        answers = []
        for pause_s in (0.0, 1.0, 1.0, 4.0, 6.0, 6.0, 1.0):
            await asyncio.sleep(pause_s)
            answers.append((await chain.answer())[5])
        # Tried at once, after 5 s (which fails), and 10 s after that.
        assert answers == list("bbbbbaa")

    run_virtual(main())
    assert len(chain.models[0].asked) == 4
    assert [event.after_ms for event in chain.told] == [100, 100]


def test_one_that_hangs_twice_costs_no_third_wait() -> None:
    chain = LLMChain(Model("a", *[Fault()] * 9), Model("b"))

    async def main() -> list[float]:
        waits = []
        for _ in range(4):
            clock = Clock()
            await chain.answer()
            waits.append(clock.s)
        return waits

    waits = run_virtual(main())
    assert waits[0] == waits[1] == pytest.approx(waits[2] + 3)
    assert waits[2] == waits[3]


def test_with_nobody_else_a_broken_one_is_asked_all_the_same() -> None:
    chain = LLMChain(Model("a", *[Fault(lasting())] * 3))

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(EngineError, match="the key is wrong"):
                await chain.answer()
        assert await chain.answer() == "I am a."
        assert chain.provider.health()[0].breaker == "closed"

    run_virtual(main())
    assert [event.action for event in chain.told] == ["gave_up"] * 3


def test_but_not_before_its_server_wants_to_be() -> None:
    chain = LLMChain(Model("a", Fault(passing(20))))

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(EngineError) as caught:
                await chain.answer()
            assert caught.value.plugin == "a"
            assert caught.value.retryable
        assert len(chain.models[0].asked) == 1
        # Almost over: that is waited for.
        await asyncio.sleep(19)
        clock = Clock()
        assert await chain.answer() == "I am a."
        assert clock.s == pytest.approx(1 + 0.1 + 3 * 0.02, abs=0.001)

    run_virtual(main())


def test_two_chains_know_nothing_of_each_other() -> None:
    models = Model("a", Fault(lasting())), Model("b")
    first, second = LLMChain(*models), LLMChain(*models)

    async def main() -> None:
        assert await first.answer() == "I am b."
        assert await second.answer() == "I am a."
        assert await first.answer() == "I am b."

    run_virtual(main())
    assert second.told == []


# --- cancellation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "after_s"),
    [
        pytest.param(Fault(), 1.0, id="before the first token"),
        pytest.param(Fault(passing(0.25)), 0.2, id="between two attempts"),
        pytest.param(Fault(lasting()), 0.15, id="while the next is asked"),
        pytest.param(Fault(None, after=1), 1.0, id="midway"),
    ],
)
def test_cancelled_in_any_phase_nothing_is_left_running(fault: Fault, after_s: float) -> None:
    chain = LLMChain(Model("a", fault), Model("b"))

    async def main() -> None:
        task = asyncio.create_task(chain.answer())
        await asyncio.sleep(after_s)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert chain.idle()

    run_virtual(main())
    assert "gave_up" not in {event.action for event in chain.told}


def test_a_cancelled_probe_lets_the_next_one_through() -> None:
    chain = LLMChain(Model("a", Fault(lasting()), Fault()), Model("b"))

    async def main() -> None:
        await chain.answer()
        await asyncio.sleep(6)
        task = asyncio.create_task(chain.answer())
        await asyncio.sleep(1)
        # Beside the probe requests go to the other.
        assert await chain.answer() == "I am b."
        task.cancel()
        await asyncio.wait([task])
        assert await chain.answer() == "I am a."

    run_virtual(main())


def test_an_answer_closed_after_its_first_token_was_one() -> None:
    chain = LLMChain(Model("a", Fault(lasting())), Model("b"))

    async def main() -> None:
        await chain.answer()
        await asyncio.sleep(6)
        async with aclosing(chain.provider.generate(QUESTION)) as events:
            async for _ in events:
                break
        assert chain.provider.health()[0].breaker == "closed"
        assert chain.idle()

    run_virtual(main())


# --- one engine -------------------------------------------------------------------------------------------------------


def test_a_chain_of_one_keeps_its_errors_and_its_deadline() -> None:
    model = Model("a", Fault())
    engine = chained("llm", [as_engine("llm", model)], deadline_s=10, warmup_s=30, limits=LIMITS)
    assert (engine.name, engine.distribution) == ("scripted", "voicebot-testing")
    assert isinstance(engine.provider, FallbackLLM)

    async def ask() -> None:
        async for _ in engine.provider.generate(QUESTION):
            pass

    async def main() -> None:
        clock = Clock()
        with pytest.raises(EngineTimeout, match="no token within 10 s") as caught:
            await ask()
        assert clock.s == 10
        assert caught.value.plugin == "scripted"
        model.script.append(Fault(lasting()))
        with pytest.raises(EngineError, match="the key is wrong"):
            await ask()

    run_virtual(main())
    assert model.running == 0


def test_the_same_is_asked_twice_at_most() -> None:
    """Also where its breaker would have more patience."""
    limits = Limits(breaker=BreakerSettings(failures=10))
    chain = LLMChain(Model("a", *[Fault(passing())] * 5), Model("b"), limits=limits)
    assert run_virtual(chain.answer()) == "I am b."
    assert len(chain.models[0].asked) == 2
