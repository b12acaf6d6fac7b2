"""A model that calls tools while it answers, on the virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.tools.scripted import Answer, Step, ToolLLM, call

from voicebot.clock import now
from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, TokenUsage, ToolCall
from voicebot.testing import run_virtual
from voicebot.tools import tool_from
from voicebot.tools.conversation import INTERRUPTED, LAST_ROUND


async def weather(city: str, seconds: float = 0) -> str:
    """Say what the weather is."""
    await asyncio.sleep(seconds)
    return f"rain in {city}"


def asks(city: str, seconds: float = 0, call_id: str = "1") -> ToolCall:
    return call("weather", f'{{"city": "{city}", "seconds": {seconds}}}', call_id)


def answered(make: Callable[[], Answer]) -> Answer:
    """Run the answer that this makes."""

    async def main() -> Answer:
        return await make().run()

    return run_virtual(main())


def test_an_answer_without_calls_is_the_models() -> None:
    llm = ToolLLM([0.1, "Good ", "day.", TokenUsage(5, 2, 1)])
    answer = answered(lambda: Answer(llm, weather))
    assert answer.text == "Good day."
    assert answer.usage == [TokenUsage(5, 2, 1)]
    assert answer.llm.asked[0][1] == ["weather"]
    assert answer.conversation.exchanged == []


def test_calls_are_made_and_their_results_told() -> None:
    first: list[Step] = [
        0.1,
        "Let me ",
        "look.",
        asks("Rom", 2, "a"),
        asks("Bern", 1, "b"),
        TokenUsage(10, 5, 0),
    ]
    llm = ToolLLM(first, [0.1, "It rains.", TokenUsage(30, 2, 10)])
    answer = answered(lambda: Answer(llm, weather))
    assert answer.text == "Let me look.\nIt rains."
    assert answer.usage == [TokenUsage(10, 5, 0), TokenUsage(40, 7, 10)]
    assert [(event.name, event.ok, round(event.ms)) for event in answer.events] == [
        ("weather", True, 1000),
        ("weather", True, 2000),
    ]
    exchanged = [
        ChatMessage("assistant", "Let me look.", (asks("Rom", 2, "a"), asks("Bern", 1, "b"))),
        ChatMessage("tool", "rain in Rom", tool_call_id="a"),
        ChatMessage("tool", "rain in Bern", tool_call_id="b"),
    ]
    assert answer.conversation.exchanged == exchanged
    assert answer.conversation.remembered() == [replace(exchanged[0], content=""), *exchanged[1:]]
    assert llm.asked[1][0][2:] == exchanged
    assert llm.asked[1][1] == ["weather"]


def test_wrong_calls_are_told_and_may_be_made_again() -> None:
    llm = ToolLLM([call("wether")], [call("weather", '{"town": "Rom"}')], [asks("Rom")], ["It rains."])
    answer = answered(lambda: Answer(llm, weather))
    assert answer.text == "It rains."
    assert [event.problem for event in answer.events] == ["unknown_tool", "arguments", ""]
    assert llm.results()[0] == "Error: there is no tool 'wether'; there are: weather"


def test_a_loop_of_calls_is_cut_off() -> None:
    llm = ToolLLM([asks("Rom")])
    answer = answered(lambda: Answer(llm, weather, max_rounds=3))
    assert len(answer.events) == 3
    assert [tools for _, tools in llm.asked] == [["weather"]] * 3 + [[]]
    assert llm.results() == ["rain in Rom", "rain in Rom", "rain in Rom" + LAST_ROUND]
    assert answer.text == ""
    assert LAST_ROUND not in answer.conversation.exchanged[-1].content


def test_the_last_round_may_still_be_answered() -> None:
    llm = ToolLLM([asks("Rom")], [asks("Bern")], ["Rain."])
    assert answered(lambda: Answer(llm, weather, max_rounds=2)).text == "Rain."


def test_no_tools_no_calls() -> None:
    llm = ToolLLM(["Hm.", asks("Rom")])
    answer = answered(lambda: Answer(llm))
    assert (answer.text, answer.events) == ("Hm.", [])
    assert llm.asked == [(llm.asked[0][0], [])]


# --- the commit gate --------------------------------------------------------------------------------------------------


def test_no_tool_is_called_before_the_commit() -> None:
    async def main() -> Answer:
        answer = Answer(ToolLLM(["Let me look.", asks("Rom", 0.5)], ["Rain."]), weather, committed=False)
        task = asyncio.create_task(answer.run())
        await asyncio.sleep(60)
        assert (answer.text, answer.events, answer.fillers) == ("Let me look.\n", [], [])
        assert answer.conversation.exchanged == []
        answer.committed.set()
        await task
        assert now() == pytest.approx(60.5)
        return answer

    answer = run_virtual(main())
    assert answer.text == "Let me look.\nRain."
    assert [event.ok for event in answer.events] == [True]


def test_an_answer_that_is_dropped_at_the_gate_has_called_nothing() -> None:
    async def main() -> None:
        answer = Answer(ToolLLM([asks("Rom")]), weather, committed=False)
        await cancelled_after(answer.run(), 5)
        assert (answer.events, answer.llm.running) == ([], 0)

    run_virtual(main())


# --- the end, early ---------------------------------------------------------------------------------------------------


async def cancelled_after(work: Coroutine[Any, Any, object], seconds: float) -> None:
    task = asyncio.create_task(work)
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_cancelled_amid_its_calls_it_says_what_was_done() -> None:
    async def main() -> Answer:
        answer = Answer(ToolLLM([asks("Rom", 1, "a"), asks("Bern", 9, "b")]), weather)
        await cancelled_after(answer.run(), 5)
        return answer

    answer = run_virtual(main())
    assert [message.content for message in answer.conversation.exchanged] == ["", "rain in Rom", INTERRUPTED]
    assert [event.problem for event in answer.events] == ["", "cancelled"]
    assert len(answer.fillers) == 1  # and none after the end


@pytest.mark.parametrize("at_s", [0.05, 0.15, 0.5, 1.15, 1.25])
def test_nothing_is_left_wherever_it_is_cancelled(at_s: float) -> None:
    async def main() -> None:
        answer = Answer(
            ToolLLM([0.1, "Wait.", 0.1, asks("Rom", 0.9)], [0.1, "It ", 0.1, "rains."]),
            weather,
            filler_after_ms=5000,
        )
        await cancelled_after(answer.run(), at_s)
        assert answer.llm.running == 0
        await asyncio.sleep(60)
        assert answer.fillers == []

    run_virtual(main())


def test_closing_it_closes_the_models_stream() -> None:
    async def main() -> None:
        answer = Answer(ToolLLM(["One.", 1.0, "Two."]), weather)
        async with aclosing(answer.conversation.answer([ChatMessage("system", "")])) as events:
            await anext(events)
            assert answer.llm.running == 1
        assert answer.llm.running == 0

    run_virtual(main())


def test_a_model_that_fails_between_rounds_fails_the_answer() -> None:
    async def main() -> Answer:
        answer = Answer(ToolLLM([asks("Rom", 0.2)], [0.2, EngineError("gone")]), weather)
        with pytest.raises(EngineError, match="gone"):
            await answer.run()
        await asyncio.sleep(60)
        return answer

    answer = run_virtual(main())
    assert answer.fillers == []
    assert answer.conversation.exchanged[-1].content == "rain in Rom"


# --- fillers ----------------------------------------------------------------------------------------------------------


def test_a_filler_is_said_once_when_tools_take_long() -> None:
    llm = ToolLLM([0.1, asks("Rom", 5)], [asks("Bern", 5)], ["Rain."])
    assert answered(lambda: Answer(llm, weather)).fillers == [(1.0, "One moment, please.")]


def test_quick_tools_need_none() -> None:
    llm = ToolLLM([0.1, asks("Rom", 0.5)], [0.3, "Rain.", 60.0])
    assert answered(lambda: Answer(llm, weather)).fillers == []


def test_it_counts_from_the_first_calls_to_the_models_text() -> None:
    llm = ToolLLM([0.1, asks("Rom", 0.5)], [0.3, asks("Rom", 0.5)], [0.3, "Rain."])
    assert answered(lambda: Answer(llm, weather)).fillers == [(1.0, "One moment, please.")]


def test_what_is_being_said_delays_it() -> None:
    async def main() -> Answer:
        answer = Answer(ToolLLM(["Let me look.", asks("Rom", 9)], ["Rain."]), weather)
        answer.speaking = True
        asyncio.get_running_loop().call_later(1.45, setattr, answer, "speaking", False)
        return await answer.run()

    assert run_virtual(main()).fillers == [(2.3, "One moment, please.")]


@pytest.mark.parametrize(
    ("own", "configured", "said"),
    [
        (None, None, ["One moment, please."]),
        (None, "Bear with me.", ["Bear with me."]),
        (None, "", []),
        ("I am looking.", "Bear with me.", ["I am looking."]),
        ("", "Bear with me.", []),
    ],
)
def test_what_is_said_can_be_chosen(own: str | None, configured: str | None, said: list[str]) -> None:
    llm = ToolLLM([asks("Rom", 5)], ["Rain."])
    answer = answered(lambda: Answer(llm, tool_from(weather, filler=own), filler=configured))
    assert [text for _, text in answer.fillers] == said


# --- any conversation -------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.sampled_from(["Yes.", "", " ", "\n"]),
        st.floats(0, 2),
        st.builds(asks, st.sampled_from(["Rom", "Bern"]), st.floats(0, 20), st.sampled_from(["a", "b"])),
        st.builds(call, st.sampled_from(["weather", "fly"]), st.text(max_size=5)),
        st.builds(TokenUsage, st.integers(0, 9), st.integers(0, 9)),
    ),
    max_size=6,
)


@given(st.lists(STEPS, min_size=1, max_size=6), st.integers(1, 4), st.floats(0, 40))
@settings(max_examples=60, deadline=None)
def test_any_conversation_ends_in_order(scripts: list[list[Step]], rounds: int, cancel_s: float) -> None:
    async def main() -> None:
        answer = Answer(ToolLLM(*scripts), weather, max_rounds=rounds, deadline_s=8)
        task = asyncio.create_task(answer.run())
        await asyncio.wait([task], timeout=cancel_s)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None
        assert answer.llm.running == 0
        assert len(answer.llm.asked) <= rounds + 1
        assert len(answer.fillers) <= 1
        # Each call is answered, in order, right after the message that made it.
        waiting: list[str] = []
        for message in answer.conversation.exchanged:
            if message.role == "assistant":
                assert not waiting
                waiting = [made.id for made in message.tool_calls]
            else:
                assert message.role == "tool"
                assert message.content
                assert message.tool_call_id == waiting.pop(0)
        assert not waiting

    run_virtual(main())
