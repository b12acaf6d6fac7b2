"""Whatever the user does and however the engines behave, what must hold of every call holds."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.session.call import Call

from voicebot.events import AgentClause, AgentTurnEnded, AgentTurnStarted
from voicebot.testing import Say, Silence

parts = st.lists(
    st.one_of(
        st.floats(0.03, 2.5).map(lambda s: Say(round(s, 2))),
        st.floats(0.03, 3.0).map(lambda s: Silence(round(s, 2))),
    ),
    min_size=1,
    max_size=12,
)
replies = st.lists(
    st.one_of(
        st.integers(1, 40).map(lambda words: " ".join(["word"] * words) + "."),
        st.just(ValueError("broken")),
        st.just(""),
    ),
    max_size=6,
)
profiles = st.fixed_dictionaries(
    {
        "speculation": st.fixed_dictionaries({"enabled": st.booleans(), "on_interims": st.booleans()}),
        "interruption": st.fixed_dictionaries(
            {
                "enabled": st.booleans(),
                "speaking": st.fixed_dictionaries(
                    {
                        "confirm_ms": st.integers(0, 800),
                        "words": st.integers(0, 2),
                        "without_words_ms": st.integers(0, 1500),
                    }
                ),
            }
        ),
        "agent": st.fixed_dictionaries({"greeting": st.sampled_from(["", "Hello there, how are you?"])}),
    }
)


@settings(max_examples=60)
@given(parts, replies, profiles, st.floats(0, 1.5), st.integers(0, 1200))
def test_any_conversation(
    script: list[Say | Silence],
    answers: list[str | BaseException],
    profile: dict[str, Any],
    final_s: float,
    delay_ms: int,
) -> None:
    call = Call([*script, Silence(1.0)], texts=(f"text {n}" for n in range(30)), replies=answers, **profile)
    call.stt.final_s = final_s
    call.turn.delay_ms = delay_ms

    # Fails by itself where a task outlives the call, or one deadlocks.
    report = call.run()

    assert call.llm.running == 0
    assert call.connection.closes == 1
    for number, turn in enumerate(report.turns):
        assert turn.agent_text.startswith(turn.heard_text), number
        if turn.reason == "finished":
            assert turn.heard_text == turn.agent_text
    numbers = [turn.number for turn in report.turns]
    assert numbers == sorted(set(numbers))
    # Between the end of a turn that was cut off and the start of the next, nothing is sent.
    events = call.connection.events
    for ended in (e for e in events if isinstance(e, AgentTurnEnded) and e.reason == "interrupted"):
        later = [e.at_s for e in events if isinstance(e, AgentTurnStarted) and e.at_s >= ended.at_s]
        until = min(later, default=float("inf"))
        assert not [t for t, _ in call.connection.sent if ended.at_s < t < until]
    # And nobody is told of clauses that will not be played.
    speaking = None
    for event in events:
        if isinstance(event, AgentTurnStarted):
            speaking = event.turn_id
        elif isinstance(event, AgentTurnEnded):
            speaking = None
        elif isinstance(event, AgentClause):
            assert event.turn_id == speaking
    # Nothing is sent that no committed turn owns.
    started = [e.at_s for e in events if isinstance(e, AgentTurnStarted)]
    assert not call.connection.sent or call.connection.sent[0][0] >= min(started)
    queues = report.queues
    for name in ("clauses", "speech", "mic", "observers"):
        if name in queues:
            assert queues[name].high_water <= queues[name].capacity
            assert queues[name].dropped == 0
