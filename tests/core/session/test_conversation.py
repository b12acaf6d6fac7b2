"""Conversations among scripted engines on the virtual clock: what is said, heard and remembered."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.core.session.call import Call

from voicebot.events import (
    AgentClause,
    AgentTurnEnded,
    CallEnded,
    CallStarted,
    StateChanged,
    UserTranscript,
)
from voicebot.interfaces import ChatMessage
from voicebot.testing import Say, Silence

LONG = "This is the first of many sentences. " * 20


def test_a_question_is_answered() -> None:
    call = Call(
        [Silence(0.5), Say(1.0), Silence(4.0)], texts=["what time is it"], replies=["It is four o'clock."]
    )
    report = call.run()
    (turn,) = report.turns
    assert turn.user_text == "what time is it"
    assert turn.agent_text == turn.heard_text == "It is four o'clock."
    assert turn.reason == "finished"
    assert report.errors == []
    # Four words of 0.2 s, at the connection's rate, in whole packets.
    assert len(call.connection.audio) == pytest.approx(0.8 * 24_000, abs=480)


def test_every_hop_is_stamped_and_adds_up() -> None:
    call = Call([Say(1.0), Silence(4.0)], texts=["hello"], replies=["Hello there."])
    turn = call.run().turns[0].as_dict(call.session.report.answered_s if call.session else 0)
    hops = turn["hops_ms"]
    assert hops["stt_final"] == pytest.approx(50)
    assert hops["llm_ttft"] == pytest.approx(100)
    # Silence of 400 ms, seen at the end of a 32 ms window.
    assert 400 <= hops["end_of_turn"] <= 432 + 32
    assert sum(hops.values()) == pytest.approx(turn["voice_to_voice_ms"], abs=0.5)
    assert turn["timeline_ms"]["speech_ended"] == pytest.approx(1000, abs=33)


def test_several_questions_and_the_history_of_what_was_heard() -> None:
    call = Call(
        [Say(1.0), Silence(4.0), Say(1.0), Silence(4.0)],
        texts=["one", "two"],
        replies=["First answer.", "Second answer."],
        agent={"system_prompt": "Be brief."},
    )
    report = call.run()
    assert [(t.number, t.user_text, t.agent_text) for t in report.turns] == [
        (1, "one", "First answer."),
        (2, "two", "Second answer."),
    ]
    assert call.llm.asked[1] == [
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "one"),
        ChatMessage("assistant", "First answer."),
        ChatMessage("user", "two"),
    ]


def test_interruption_stops_the_agent_and_keeps_what_was_heard() -> None:
    call = Call(
        [Say(1.0), Silence(3.0), Say(1.0), Silence(4.0)],
        texts=["tell me", "stop"],
        replies=[LONG, "All right."],
    )
    report = call.run()
    first, second = report.turns
    assert first.reason == "interrupted"
    assert first.agent_text.startswith(first.heard_text)
    assert 0 < len(first.heard_text) < len(first.agent_text)
    assert second.agent_text == second.heard_text == "All right."
    assert call.llm.closed == 1
    assert call.llm.running == 0
    # Silence as soon as there is speech; the answer is dropped when there is a word in it.
    held, cancelled = call.connection.cancelled
    assert 4.02 <= held <= 4.11
    assert 4.45 <= cancelled <= 4.6
    assert [t for t, _ in call.connection.sent if held < t < 5.4] == []
    # Clauses that were synthesised ahead and never played are not told of either.
    told = [e.text for e in call.connection.events if isinstance(e, AgentClause) and e.turn_id == 1]
    assert " ".join(told).startswith(first.heard_text)
    assert len(" ".join(told)) < len(first.agent_text)
    assert report.refused_packets <= 1
    assert call.llm.asked[1][-2] == ChatMessage("assistant", f"{first.heard_text} —")


def test_a_cough_does_not_interrupt_and_nothing_is_lost() -> None:
    alone = Call(
        [Say(1.0), Silence(9.0)], texts=["tell me"], replies=["one two three four five six seven eight."]
    )
    alone.run()
    coughed = Call(
        [Say(1.0), Silence(1.2), Say(0.15), Silence(9.0)],
        texts=["tell me"],
        replies=["one two three four five six seven eight."],
    )
    report = coughed.run()
    (turn,) = report.turns
    assert turn.reason == "finished"
    assert report.false_interruptions == 1
    assert report.interruptions == 0
    assert (coughed.connection.audio == alone.connection.audio).all()
    # It was held while it was not clear: the answer ends later than without the cough.
    assert coughed.connection.sent[-1][0] > alone.connection.sent[-1][0]


def test_the_user_goes_on_before_the_agent_is_heard() -> None:
    call = Call(
        [Say(1.0), Silence(0.5), Say(1.0), Silence(5.0)],
        texts=["I want to", "go home"],
        replies=["Where?", "Bye."],
    )
    report = call.run()
    # Nothing was heard of the first answer, so the second one is to both.
    assert [t.user_text for t in report.turns] == ["I want to", "go home"]
    assert report.turns[0].heard_text == ""
    assert report.turns[1].heard_text == "Bye."
    assert call.llm.asked[-1][-1] == ChatMessage("user", "I want to go home")


def test_a_turn_that_ends_while_the_agent_may_not_be_interrupted_waits() -> None:
    call = Call(
        [Say(1.0), Silence(1.5), Say(1.0), Silence(9.0)],
        texts=["one", "two"],
        replies=["Now I speak for quite a while and nobody stops me.", "Now you."],
        interruption={"enabled": False},
    )
    report = call.run()
    assert [(t.user_text, t.reason) for t in report.turns] == [("one", "finished"), ("two", "finished")]
    assert call.connection.cancelled == []


def test_words_that_are_none_and_noises_that_are_short_start_nothing() -> None:
    call = Call([Say(0.06), Silence(2.0), Say(1.0), Silence(3.0)], texts=[""])
    report = call.run()
    assert report.turns == []
    assert call.llm.asked == []
    assert len(call.stt.utterances) == 1
    assert call.stt.utterances[0].closed


def test_the_greeting_comes_first_and_can_be_interrupted() -> None:
    call = Call(
        [Silence(1.0), Say(1.0), Silence(4.0)], texts=["hi"], replies=["Yes?"], agent={"greeting": LONG}
    )
    report = call.run()
    assert [(t.number, t.reason) for t in report.turns] == [(0, "interrupted"), (1, "finished")]
    assert report.turns[0].timeline.voice_to_voice_ms is None
    assert report.turns[0].heard_text
    assert len(call.llm.asked) == 1


def test_hanging_up_in_mid_answer_leaves_nothing_running() -> None:
    call = Call([Say(1.0), Silence(2.0)], texts=["tell me"], replies=[LONG])
    report = call.run()
    assert report.turns[0].reason == "interrupted"
    assert report.turns[0].heard_text
    assert call.llm.running == 0
    assert call.connection.closes == 1
    assert {engine.closes for engine in (call.vad, call.stt, call.turn, call.llm, call.tts)} == {1}


def test_a_monologue_longer_than_the_recognisers_window_is_kept_whole() -> None:
    call = Call([Say(65.0), Silence(3.0)], texts=["part one", "part two", "part three"], replies=["I see."])
    report = call.run()
    assert report.turns[0].user_text == "part one part two part three"
    assert report.queues["utterance"].high_water <= 30
    assert all(utterance.closed for utterance in call.stt.utterances)


def test_a_long_answer_stays_within_its_queues() -> None:
    call = Call([Say(1.0), Silence(60.0)], texts=["tell me"], replies=[LONG])
    call.tts.rtf = 0.0
    report = call.run()
    assert report.turns[0].reason == "finished"
    assert report.queues["speech"].high_water <= 2000
    assert report.queues["clauses"].high_water <= 4
    assert report.queues["speech"].dropped == report.queues["clauses"].dropped == 0


def test_packets_are_paced_by_the_sample_clock() -> None:
    call = Call(
        [Say(1.0), Silence(8.0)], texts=["tell me"], replies=["one two three four five six seven eight."]
    )
    call.run()
    times = [t for t, _ in call.connection.sent]
    # Three packets ahead at once, then one every 20 ms.
    assert times[0] == times[2]
    assert [round(b - a, 6) for a, b in pairwise(times[3:])] == [0.02] * (len(times) - 4)
    assert {len(packet.samples) for _, packet in call.connection.sent} == {480}


def test_what_is_told_is_in_order() -> None:
    call = Call([Say(1.0), Silence(4.0)], texts=["what is it now"], replies=["It is four."])
    call.run()
    assert call.observed == call.connection.events
    assert isinstance(call.observed[0], CallStarted)
    assert isinstance(call.observed[-1], CallEnded)
    interims = [e for e in call.observed if isinstance(e, UserTranscript) and not e.final]
    assert [e.text for e in interims][:2] == ["what", "what is"]
    assert [e.text for e in call.observed if isinstance(e, AgentClause)] == ["It is four."]
    states = [e.state for e in call.observed if isinstance(e, StateChanged)]
    assert states == [
        "warming_up",
        "listening",
        "user_speaking",
        "thinking",
        "agent_speaking",
        "listening",
        "ended",
    ]
    assert [e.reason for e in call.observed if isinstance(e, AgentTurnEnded)] == ["finished"]


def test_hanging_up_in_mid_sentence_closes_the_recogniser() -> None:
    call = Call([Silence(0.5), Say(1.0)], texts=["never finished"])
    report = call.run()
    assert report.turns == []
    assert [utterance.closed for utterance in call.stt.utterances] == [True]
    assert report.queues["utterance"].accepted == 1


def test_turns_whose_transcripts_are_late_are_answered_together() -> None:
    call = Call(
        [Say(0.6), Silence(0.6), Say(0.6), Silence(6.0)],
        texts=["Fail again.", "Fail better."],
        replies=["I will."],
    )
    call.stt.final_s = 0.7
    report = call.run()
    assert [(turn.user_text, turn.reason) for turn in report.turns] == [
        ("Fail again.", "unanswered"),
        ("Fail better.", "finished"),
    ]
    assert [m.content for m in call.llm.asked[0] if m.role == "user"] == ["Fail again. Fail better."]
    assert len(call.llm.asked) == 1
