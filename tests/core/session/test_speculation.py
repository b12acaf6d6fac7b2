"""Answers that are prepared behind the commit gate during the end-of-turn wait."""

from __future__ import annotations

from tests.core.session.call import Call

from voicebot.events import AgentTurnStarted, UserTranscript
from voicebot.testing import Say, Silence

SPECULATING = {"speculation": {"enabled": True}, "endpointing": {"max_delay_ms": 3000}}


def test_the_wait_hides_the_work() -> None:
    plain = Call([Say(1.0), Silence(4.0)], texts=["hello"], replies=["Hello there."])
    ahead = Call([Say(1.0), Silence(4.0)], texts=["hello"], replies=["Hello there."], **SPECULATING)
    for call in (plain, ahead):
        call.turn.delay_ms = 800
    slow = plain.run().turns[0].timeline.voice_to_voice_ms
    turn = ahead.run().turns[0]
    fast = turn.timeline.voice_to_voice_ms
    assert slow is not None
    assert fast is not None
    # All that follows the wait has happened inside it.
    assert fast < slow - 200
    assert turn.heard_text == "Hello there."


def test_nothing_is_sent_before_the_commit() -> None:
    call = Call([Say(1.0), Silence(4.0)], texts=["hello"], replies=["Hello there."], **SPECULATING)
    call.turn.delay_ms = 2000
    call.run()
    committed = next(e.at_s for e in call.observed if isinstance(e, AgentTurnStarted))
    final = next(e.at_s for e in call.observed if isinstance(e, UserTranscript) and e.final)
    assert committed >= 3.0
    assert final >= 3.0
    assert call.connection.sent[0][0] >= committed
    assert len(call.llm.asked) == 1


def test_a_guess_is_discarded_when_the_user_goes_on() -> None:
    call = Call(
        [Say(1.0), Silence(0.7), Say(1.0), Silence(5.0)],
        texts=["I want to go home"],
        replies=["Too early. " * 40, "Then go."],
        **SPECULATING,
    )
    call.turn.delay_ms = 1000
    report = call.run()
    (turn,) = report.turns
    assert turn.agent_text == turn.heard_text == "Then go."
    assert report.discarded_speculations == 1
    assert call.llm.closed == 1
    assert call.connection.cancelled == []
    assert [m.content for m in call.llm.asked[1] if m.role == "assistant"] == []


def test_a_guess_that_fails_is_made_again_after_the_turn() -> None:
    call = Call(
        [Say(1.0), Silence(5.0)],
        texts=["hello"],
        replies=[OSError("no route"), "Hello there."],
        **SPECULATING,
    )
    call.turn.delay_ms = 1500
    report = call.run()
    assert [t.heard_text for t in report.turns] == ["Hello there."]
    assert [error.kind for error in report.errors] == ["llm"]
