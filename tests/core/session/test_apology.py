"""The caller hears an answer, or that there is none: never silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.core.session.call import Call

from voicebot.engines import Engine
from voicebot.errors import EngineError
from voicebot.events import AgentClause, AgentTurnEnded
from voicebot.fallback import chained
from voicebot.report import CallReport
from voicebot.testing import Say, ScriptedLLM, Silence, as_engine

TWO_QUESTIONS: list[Say | Silence] = [Say(1.0), Silence(6.0), Say(1.0), Silence(6.0)]
SORRY = "Sorry. Say that again?"


def call_that(script: Sequence[Say | Silence] = TWO_QUESTIONS, apology: str = SORRY, **settings: Any) -> Call:
    return Call(script, texts=["one", "two"], replies=["First.", "Second."], apology=apology, **settings)


def said(call: Call) -> list[tuple[int, str]]:
    return [(event.turn_id, event.text) for event in call.observed if isinstance(event, AgentClause)]


def ended(call: Call) -> list[tuple[str, str]]:
    return [(event.heard_text, event.reason) for event in call.observed if isinstance(event, AgentTurnEnded)]


def history_of(call: Call) -> list[str]:
    return [message.content for message in call.llm.asked[-1]][1:]


def test_where_the_model_fails_it_is_said_and_the_model_knows_next_time() -> None:
    call = call_that()
    call.llm.replies = [EngineError("gone"), "Second."]
    report = call.run()
    assert [turn.reason for turn in report.turns] == ["failed", "finished"]
    assert said(call) == [(1, SORRY), (2, "Second.")]
    assert ended(call) == [("", "failed"), (SORRY, "finished"), ("Second.", "finished")]
    assert history_of(call) == ["one", SORRY, "two"]


def test_where_no_voice_is_left_it_is_said_all_the_same() -> None:
    call = call_that()
    speak, asked = call.tts.synthesize, list[str]()

    def only_at_warm_up(text: str) -> Any:
        asked.append(text)
        if len(asked) > 1:
            call.tts.fail_with = EngineError("no voice")
        return speak(text)

    call.tts.synthesize = only_at_warm_up  # type: ignore[method-assign]
    report = call.run()
    assert asked == [SORRY, "First.", "Second."]
    assert said(call) == [(1, SORRY), (2, SORRY)]
    assert [turn.reason for turn in report.turns] == ["failed", "failed"]


@pytest.mark.parametrize("speculation", [False, True])
def test_where_the_recogniser_fails_it_is_said(speculation: bool) -> None:
    call = call_that(speculation={"enabled": speculation})
    call.stt.fail_with = EngineError("500", retryable=True)
    call.run()
    assert said(call)[0] == (1, SORRY)
    assert [text for _, text in said(call)][-1] in ("First.", "Second.")


def test_where_the_model_breaks_off_what_is_whole_is_said_before_it() -> None:
    call = call_that()

    class Breaking(ScriptedLLM):
        async def generate(self, messages: Any, tools: Any = ()) -> Any:
            async for event in super().generate(messages):
                yield event
                if "second" in getattr(event, "text", ""):
                    raise EngineError("stream cut")

    call.llm = Breaking(["The first sentence is here. The second sentence is not.", "Fine."])
    report = call.run()
    assert said(call) == [(1, "The first sentence is here."), (1, SORRY), (2, "Fine.")]
    assert report.turns[0].reason == "failed"
    assert report.turns[0].heard_text == "The first sentence is here."
    assert report.errors[0].message == "stream cut"


def test_not_to_a_user_who_speaks() -> None:
    call = call_that([Say(1.0), Silence(1.7), Say(2.0), Silence(6.0)])
    call.llm.replies = [EngineError("gone"), "Second."]
    call.llm.ttft_s = 1.6
    call.run()
    assert said(call) == [(2, "Second.")]


def test_not_where_nothing_should_be_said() -> None:
    call = call_that(apology="")
    call.llm.replies = [EngineError("gone"), "Second."]
    call.run()
    assert said(call) == [(2, "Second.")]


def test_a_transport_that_fails_is_not_apologised_for() -> None:
    call = call_that()
    call.connection.fail_send = OSError("pipe closed")
    report = call.run()
    assert {error.kind for error in report.errors} == {"transport"}
    assert len(report.errors) == 2


def test_what_a_chain_did_is_in_the_report() -> None:
    call = call_that()
    first, second = ScriptedLLM([EngineError("gone")]), ScriptedLLM(["Second."])
    engines: list[Engine[Any]] = [as_engine("llm", first), as_engine("llm", second)]
    call.llm = chained("llm", engines, deadline_s=10, warmup_s=60).provider
    report: CallReport = call.run()
    assert report.turns[0].heard_text == "Second."
    (told,) = report.as_dict()["fallbacks"]
    assert (told["plugin"], told["action"], told["message"]) == ("scripted", "next", "gone")
