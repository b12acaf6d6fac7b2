"""When the agent answers, and when it does not stop: pauses, guesses, sounds while it speaks; on the virtual clock."""

from __future__ import annotations

import asyncio

from tests.core.session.call import Call

from voicebot.events import (
    AgentTurnEnded,
    AgentTurnStarted,
    Event,
    InterruptionJudged,
    PauseJudged,
    SpeculationDiscarded,
)
from voicebot.interfaces import ChatMessage, TurnContext, TurnVerdict
from voicebot.report import CallReport
from voicebot.testing import Say, Silence

ANSWER = "one two three four five six seven eight."
SPECULATING = {"enabled": True, "max_tokens_per_minute": 1000, "max_cpu_s_per_minute": 1000}


def told(call: Call, kind: type) -> list:  # type: ignore[type-arg]
    return [event for event in call.observed if isinstance(event, kind)]


def committed_s(call: Call) -> float:
    at_s: float = told(call, AgentTurnStarted)[0].at_s
    return at_s


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_words_that_leave_it_open_are_waited_for() -> None:
    ended = {}
    for text in ("I need to change my appointment.", "I need to change my appointment, um"):
        call = Call(
            [Say(1.0), Silence(4.0)],
            texts=[text],
            replies=["Yes."],
            speculation=SPECULATING,
            endpointing={"open_delay_ms": 1000},
        )
        call.turn.delay_ms = 200
        call.run()
        [pause] = told(call, PauseJudged)
        assert pause.ended
        assert pause.text == text
        ended[pause.ending] = committed_s(call)
    assert 1.2 <= ended["complete"] <= 1.35
    assert 2.0 <= ended["open"] <= 2.1


def test_the_turn_waits_for_a_transcript_that_is_on_its_way() -> None:
    call = Call(
        [Say(1.0), Silence(0.5), Say(1.0), Silence(4.0)],
        texts=["I would like to, um"],
        replies=["What?"],
        speculation=SPECULATING,
    )
    call.turn.delay_ms = 200
    # By the sound alone the turn would have ended in the pause; the words come later, and say otherwise.
    call.stt.final_s = 0.4
    call.run()
    first, second = told(call, PauseJudged)
    assert (first.ended, second.ended) == (False, True)
    assert len(told(call, AgentTurnStarted)) == 1


class Unsure:
    """A model that knows better when it has heard more silence."""

    def __init__(self, call: Call, unsure: int = 1) -> None:
        self.asked: list[TurnContext] = []
        self.unsure = unsure
        call.turn.predict = self.predict  # type: ignore[method-assign]

    async def predict(self, context: TurnContext) -> TurnVerdict:
        self.asked.append(context)
        if len(self.asked) <= self.unsure:
            return TurnVerdict(900, 0.3, again_ms=160)
        return TurnVerdict(200, 0.9)


def test_an_unsure_model_is_asked_again_with_the_words() -> None:
    call = Call([Say(1.0), Silence(3.0)], texts=["hello there."], replies=["Hi."], speculation=SPECULATING)
    model = Unsure(call)
    call.run()
    assert [context.text for context in model.asked] == ["hello there.", "hello there."]
    [pause] = told(call, PauseJudged)
    assert [v["probability"] for v in pause.verdicts] == [0.3, 0.9]
    assert pause.delay_ms == 200
    assert committed_s(call) < 1.35


def test_the_model_is_asked_when_the_words_are_there_but_not_for_long_without_them() -> None:
    asked_s = {}
    for final_s in (0.1, 2.0):
        call = Call([Say(1.0), Silence(3.0)], texts=["hello there."], speculation=SPECULATING)
        call.stt.final_s = final_s
        call.run()
        [pause] = told(call, PauseJudged)
        asked_s[final_s] = pause.verdicts[0]["at_ms"] / 1000
        assert call.turn.asked[0].text == "hello there."
    # The first silent window is whole 32 to 64 ms after the last speech.
    assert 0.1 <= asked_s[0.1] <= 0.17
    assert 0.15 <= asked_s[2.0] <= 0.22


def test_words_that_come_after_the_second_verdict_bring_a_third() -> None:
    call = Call([Say(1.0), Silence(3.0)], texts=["hello there."], replies=["Hi."], speculation=SPECULATING)
    call.stt.final_s = 0.3
    model = Unsure(call, unsure=2)
    call.run()
    assert len(model.asked) == 3
    assert model.asked[-1].text == "hello there."


def test_the_model_hears_this_turn_alone() -> None:
    call = Call(
        [Say(1.0), Silence(4.0), Say(0.5), Silence(3.0)], texts=["one", "two"], replies=["One.", "Two."]
    )
    call.run()
    first, second = (len(context.audio) / 16_000 for context in call.turn.asked)
    assert 1.0 <= first <= 1.1
    # Its own speech and half a second before it, not the turn of four seconds ago.
    assert 0.95 <= second <= 1.1


# --- guesses ----------------------------------------------------------------------------------------------------------


def test_the_answer_begins_while_the_user_still_speaks() -> None:
    call = Call([Say(2.0), Silence(3.0)], texts=["hello there"], replies=["Hi."], speculation=SPECULATING)
    call.turn.delay_ms = 400
    report = call.run()
    # Asked on the second interim transcript that said the same, and used.
    assert len(call.llm.asked) == 1
    assert report.discarded_speculations == 0
    assert report.turns[0].timeline.at("llm_requested") < report.turns[0].timeline.at("speech_ended")  # type: ignore[operator]
    assert report.turns[0].heard_text == "Hi."
    assert told(call, AgentTurnStarted)[0].at_s >= 2.4


def test_a_guess_that_was_wrong_is_made_again_at_once_and_its_cost_told() -> None:
    call = Call(
        [Say(2.5), Silence(4.0)],
        texts=[lambda seconds: "call me" if seconds < 2.3 else "call me tomorrow"],
        replies=["Too early. " * 30, "Tomorrow then."],
        speculation=SPECULATING,
    )
    report = call.run()
    assert [t.heard_text for t in report.turns] == ["Tomorrow then."]
    [discarded] = told(call, SpeculationDiscarded)
    assert discarded.text == "call me"
    assert discarded.tokens > 0
    assert discarded.ran_ms > 0
    assert report.wasted_tokens == discarded.tokens
    assert call.llm.closed == 1


def test_a_minute_in_which_too_much_was_wasted_guesses_no_more() -> None:
    speech: list[Say | Silence] = [Say(0.8), Silence(0.5)] * 8
    outcomes: dict[int, CallReport] = {}
    for limit in (10, 100_000):
        call = Call(
            [*speech, Silence(3.0)],
            texts=["and so on and on and on"],
            replies=["word " * 200] * 20,
            speculation=SPECULATING | {"on_interims": False, "max_tokens_per_minute": limit},
        )
        call.turn.delay_ms = 1000
        outcomes[limit] = call.run()
    assert outcomes[10].discarded_speculations < outcomes[100_000].discarded_speculations == 7
    assert outcomes[10].wasted_tokens < 10 + 20


# --- sounds while the agent speaks ------------------------------------------------------------------------------------


def barged(text: str, seconds: float = 0.5, **settings: object) -> tuple[Call, CallReport]:
    call = Call(
        [Say(1.0), Silence(1.4), Say(seconds), Silence(9.0)],
        texts=["tell me", text],
        replies=[ANSWER, "All right."],
        **settings,
    )
    return call, call.run()


def test_a_word_of_agreement_lets_the_agent_go_on_from_the_same_sample() -> None:
    alone = Call([Say(1.0), Silence(9.0)], texts=["tell me"], replies=[ANSWER])
    alone.run()
    call, report = barged("uh-huh.")
    [judged] = told(call, InterruptionJudged)
    assert (judged.interrupted, judged.why, judged.text) == (False, "backchannel", "uh-huh.")
    assert judged.held_ms > 0
    assert [t.reason for t in report.turns] == ["finished"]
    assert (call.connection.audio == alone.connection.audio).all()
    assert [m.content for m in call.llm.asked[-1]][-1] == "tell me"


def test_a_sound_without_words_lets_the_agent_go_on() -> None:
    call, report = barged("")
    assert [j.why for j in told(call, InterruptionJudged)] == ["no_words"]
    assert [t.reason for t in report.turns] == ["finished"]


def test_a_click_silences_the_agent_for_a_moment_and_nothing_is_lost() -> None:
    alone = Call([Say(1.0), Silence(9.0)], texts=["tell me"], replies=[ANSWER])
    alone.run()
    clicked = Call([Say(1.0), Silence(1.4), Say(0.06), Silence(9.0)], texts=["tell me"], replies=[ANSWER])
    report = clicked.run()
    assert len(clicked.connection.cancelled) == 1
    assert told(clicked, InterruptionJudged) == []
    assert [t.reason for t in report.turns] == ["finished"]
    assert (clicked.connection.audio == alone.connection.audio).all()


def test_the_agents_own_words_do_not_interrupt_it() -> None:
    call, report = barged("two three four five", interruption={"echo_check": True, "speaking": {"words": 1}})
    assert {j.why for j in told(call, InterruptionJudged)} <= {"echo"}
    assert [t.reason for t in report.turns] == ["finished"]


def test_one_short_word_is_enough() -> None:
    call, report = barged("Stop.", 0.25)
    [judged] = told(call, InterruptionJudged)
    assert judged.interrupted
    assert [t.reason for t in report.turns] == ["interrupted", "finished"]
    cut = report.turns[0].heard_text
    assert ANSWER.startswith(cut)
    assert call.llm.asked[-1][-2] == ChatMessage("assistant", f"{cut} —")
    assert call.llm.asked[-1][-1] == ChatMessage("user", "Stop.")


def test_the_model_is_stopped_within_one_turn_of_the_event_loop() -> None:
    call = Call(
        [Say(1.0), Silence(2.0), Say(1.0), Silence(3.0)],
        texts=["tell me", "stop it now"],
        replies=["This goes on. " * 200, "Yes."],
    )
    running: list[int] = []
    notify = call.connection.notify

    def watching(event: Event) -> None:
        notify(event)
        if isinstance(event, AgentTurnEnded) and event.reason == "interrupted":
            running.append(call.llm.running)
            loop = asyncio.get_running_loop()
            # What is called soon by what is called soon comes after all that this turn of the loop had to do.
            loop.call_soon(loop.call_soon, lambda: running.append(call.llm.running))

    call.connection.notify = watching  # type: ignore[method-assign]
    call.run()
    assert running == [1, 0]
