"""What is counted of the events of calls."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.core.fallback.support import Fault, LLMChain, Model, lasting
from tests.core.session.call import Call

from voicebot import events
from voicebot.events import (
    Event,
    FallbackAction,
    FallbackEvent,
    InterruptionJudged,
    KeepingFailed,
    ProviderFailed,
    SpeculationDiscarded,
    TurnHeard,
    TurnMeasured,
    as_message,
    from_message,
)
from voicebot.supervising.counting import Counts
from voicebot.testing import Say, Silence
from voicebot.timeline import HOPS


class Counted:
    def __init__(self, *happened: Event) -> None:
        self.registry = CollectorRegistry()
        counts = Counts(self.registry)
        counts.know("llm", "groq")
        counts.know("llm", "openai")
        counts.know("vad", "silero")
        for event in happened:
            counts.count(event)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"voicebot_{name}", labels)

    def series(self) -> int:
        return sum(len(family.samples) for family in self.registry.collect())


def turn(number: int = 1, user_text: str = "Hello.", **report: Any) -> TurnMeasured:
    return TurnMeasured(1.0, number, {"turn": number, "user_text": user_text, "ended": "finished", **report})


def fallback(plugin: str, action: FallbackAction, kind: str = "llm") -> FallbackEvent:
    who = (kind, plugin, "dist", "engine", "busy")
    return FallbackEvent(1.0, *who, "first_result", action, "openai", after_ms=10.0)


def test_turns_their_hops_and_the_one_to_blame() -> None:
    counted = Counted(
        turn(voice_to_voice_ms=850.0, hops_ms={"stt_final": 70.0, "llm_ttft": 420.0, "tts_ttfa": -3.0}),
        turn(
            2,
            ended="interrupted",
            voice_to_voice_ms=1600.0,
            hops_ms={"llm_ttft": 900.0, "other": 1.0},
            budget={"within": False, "guilty": "llm_ttft", "over_ms": {"llm_ttft": 650.0}},
        ),
        turn(3, ended="failed", voice_to_voice_ms=None, hops_ms={}, budget={"within": True, "guilty": ""}),
        TurnHeard(2.0, 1, 910.0),
    )
    assert [counted.value("turns_total", ended=how) for how in ("finished", "interrupted", "failed")] == [
        1
    ] * 3
    assert counted.value("voice_to_voice_seconds_sum") == 2.45
    assert counted.value("voice_to_voice_seconds_bucket", le="0.9") == 1
    assert counted.value("voice_to_voice_seconds_count") == 2
    assert counted.value("hop_seconds_sum", hop="llm_ttft") == 1.32
    assert counted.value("hop_seconds_count", hop="tts_ttfa") == 1
    assert counted.value("hop_seconds_sum", hop="tts_ttfa") == 0
    assert counted.value("hop_seconds_count", hop="first_clause") == 0
    assert counted.value("over_budget_total", hop="llm_ttft") == 1
    assert sum(counted.value("over_budget_total", hop=hop) or 0 for hop in (*HOPS, "orchestration")) == 1
    assert counted.value("heard_voice_to_voice_seconds_sum") == 0.91


def test_a_greeting_is_no_turn_and_an_apology_is_none_either() -> None:
    counted = Counted(
        turn(0, "", hops_ms={"tts_ttfa": 80.0}), turn(1, ended="failed"), turn(1, "", agent_text="Sorry.")
    )
    assert counted.value("turns_total", ended="finished") == 0
    assert counted.value("turns_total", ended="failed") == 1
    assert counted.value("apologies_total") == 1
    assert counted.value("hop_seconds_count", hop="tts_ttfa") == 0


def test_interruptions_and_waste() -> None:
    judged = (1.0, 1)
    counted = Counted(
        InterruptionJudged(*judged, True, "words", 600.0, "stop", 200.0),
        InterruptionJudged(*judged, False, "backchannel", 300.0, "uh-huh", 100.0),
        InterruptionJudged(*judged, False, "short", 90.0, "", 90.0),
        SpeculationDiscarded(1.0, 1, "hello", 12, 300.0, 200.0, 150.0),
    )
    assert counted.value("interruptions_total") == 1
    assert counted.value("false_interruptions_total") == 2
    assert counted.value("speculations_discarded_total") == 1


def test_what_could_not_be_kept() -> None:
    counted = Counted(KeepingFailed(1.0, "recording"), KeepingFailed(2.0, "nonsense"))  # type: ignore[arg-type]
    assert counted.value("keeping_failures_total", what="recording") == 1
    assert counted.value("keeping_failures_total", what="log") == 0


def test_errors_are_counted_once_and_by_names_of_the_profile_only() -> None:
    failed = (1.0, "llm", "groq", "dist", "busy")
    counted = Counted(
        fallback("groq", "retried"),
        fallback("groq", "next"),
        fallback("openai", "gave_up"),
        ProviderFailed(*failed),  # the one that gave up, again
        ProviderFailed(1.0, "vad", "silero", "dist", "broken"),
        ProviderFailed(1.0, "turn", "a name of its own", "dist", "broken"),
        fallback("a name of its own", "next"),
        fallback("groq", "next", kind="a kind of its own"),
    )
    assert counted.value("engine_errors_total", kind="llm", plugin="groq") == 2
    assert counted.value("fallbacks_total", kind="llm", plugin="groq") == 1
    assert counted.value("engine_errors_total", kind="llm", plugin="openai") == 1
    assert counted.value("fallbacks_total", kind="llm", plugin="openai") == 0
    assert counted.value("engine_errors_total", kind="vad", plugin="silero") == 1
    assert counted.value("engine_errors_total", kind="turn", plugin="other") == 1
    assert counted.value("engine_errors_total", kind="llm", plugin="other") == 1
    assert counted.value("engine_errors_total", kind="other", plugin="other") == 1


KINDS = [getattr(events, name) for name in events.__all__ if isinstance(getattr(events, name), type)]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
report = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("turn", "user_text", "ended", "voice_to_voice_ms", "hops_ms", "budget", "agent_text"), values
    ),
)


@given(st.data(), st.lists(st.sampled_from(KINDS), max_size=5))
def test_fields_of_any_type_break_nothing_and_make_no_endless_series(
    data: st.DataObject, kinds: list[Any]
) -> None:
    happened = [
        kind(*(data.draw(report if field.name == "report" else values) for field in fields(kind)))
        for kind in kinds
    ]
    nothing = Counted().series()
    # For each kind: of an engine, `other`; then `other` of any.
    assert Counted(*happened).series() <= nothing + 2 * 7


# --- of calls, as the session tells them ------------------------------------------------------------------------------


def test_a_calls_events_are_what_is_counted() -> None:
    question: list[Say | Silence] = [Say(1.0), Silence(8.0)]
    models = LLMChain(
        Model("groq", Fault(lasting()), Fault(lasting())),
        Model("openai", "Fine.", Fault(lasting())),
        deadline_s=9,
    )
    for link, name in zip(models.chain.links, ("groq", "openai"), strict=True):
        link.engine = replace(link.engine, name=name)
    call = Call(
        [Silence(3.0), *question, *question],
        texts=["one", "two"],
        budget={"llm_ttft": 0.001},
        apology="Sorry.",
        agent={"greeting": "Hello."},
    )
    call.llm = models.provider  # type: ignore[assignment]
    report = call.run()
    assert [turn.reason for turn in report.turns] == ["finished", "finished", "failed"]
    counted = Counted(*(from_message(json.loads(json.dumps(as_message(event)))) for event in call.observed))
    assert counted.value("turns_total", ended="finished") == 1
    assert counted.value("turns_total", ended="failed") == 1
    assert counted.value("apologies_total") == 1
    assert counted.value("voice_to_voice_seconds_count") == 1
    assert counted.value("hop_seconds_count", hop="llm_ttft") == 1
    assert counted.value("over_budget_total", hop="llm_ttft") == 1
    assert counted.value("fallbacks_total", kind="llm", plugin="groq") == 2
    errors = [counted.value("engine_errors_total", kind="llm", plugin=who) for who in ("groq", "openai")]
    assert errors == [2, 1]
