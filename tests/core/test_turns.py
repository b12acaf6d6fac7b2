"""The turn manager: scenes by hand, and its promises under any order of events."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from voicebot.interrupting import judge_for
from voicebot.language.same import same, words
from voicebot.settings import ConfirmSettings, InterruptionSettings, SpeculationSettings
from voicebot.turns import (
    CancelAgentTurn,
    CloseUtterance,
    CommitAgentTurn,
    HoldSpeech,
    InterruptionDecided,
    OpenUtterance,
    ReleaseSpeech,
    StartAgentTurn,
    Transcribe,
    TurnDecision,
    TurnManager,
    UserTurnTaken,
)


def manager(
    *,
    interruption: bool = True,
    speculation: bool = False,
    on_interims: bool = True,
    confirm_ms: int = 300,
    without_words_ms: int = 1500,
) -> TurnManager:
    """While the agent thinks, 600 ms without words are enough."""
    rules = InterruptionSettings(
        enabled=interruption,
        speaking=ConfirmSettings(confirm_ms=confirm_ms, without_words_ms=without_words_ms),
        thinking=ConfirmSettings(confirm_ms=confirm_ms, without_words_ms=min(600, without_words_ms)),
    )
    return TurnManager(
        rules, SpeculationSettings(enabled=speculation, on_interims=on_interims), judge_for(rules, "en")
    )


def answering(turns: TurnManager, text: str = "hello", *, audible: bool = True) -> int:
    """Bring it to where the agent answers the user's first turn."""
    turns.speech_started()
    (transcribe,) = turns.user_turn_ended()
    assert isinstance(transcribe, Transcribe)
    turns.transcribed(transcribe.revision, text)
    assert turns.agent_turn is not None
    if audible:
        turns.agent_audible(turns.agent_turn)
        turns.agent_says(turns.agent_turn, "It will be sunny all day.")
    return turns.agent_turn


def speculating(turns: TurnManager, text: str = "hello") -> int:
    """Bring it to where the user pauses and the answer is prepared; the transcript had revision 1."""
    turns.speech_started(500)
    turns.pause_lasted()
    (start,) = turns.transcribed(1, text)
    assert start == StartAgentTurn(1, 1, text, speculative=True)
    return 1


# --- turns ------------------------------------------------------------------------------------------------------------


def test_a_turn_is_transcribed_taken_and_answered() -> None:
    turns = manager()
    assert turns.idle
    assert turns.speech_started() == [OpenUtterance(1)]
    assert turns.speech_started() == []
    assert turns.user_turn == 1
    assert turns.pause_lasted() == []
    assert turns.speech_resumed() == []
    assert turns.user_turn_ended() == [Transcribe(1, 1)]
    assert turns.user_turn is None
    assert turns.thinking
    assert turns.transcribed(1, " hello ") == [
        CloseUtterance(1),
        UserTurnTaken(1, "hello"),
        StartAgentTurn(1, 1, "hello", speculative=False),
        CommitAgentTurn(1),
    ]
    assert turns.agent_finished(1) == []
    assert turns.idle
    assert not turns.thinking


def test_a_turn_without_words_is_forgotten() -> None:
    turns = manager()
    turns.speech_started()
    turns.user_turn_ended()
    assert turns.transcribed(1, "  ") == [CloseUtterance(1)]
    assert turns.idle


def test_without_interruption_the_user_waits_and_is_answered_together() -> None:
    turns = manager(interruption=False, speculation=True)
    agent = answering(turns)
    for revision, text in ((2, "one"), (3, "two")):
        assert turns.speech_started(5_000) == [OpenUtterance(revision)]
        assert turns.interim(revision, text) == []
        assert turns.interim(revision, text) == []
        assert turns.user_turn_ended() == [Transcribe(revision, revision)]
        assert turns.transcribed(revision, text) == [CloseUtterance(revision), UserTurnTaken(revision, text)]
    assert not turns.idle
    assert turns.agent_finished(agent) == [
        StartAgentTurn(agent + 1, 3, "one two", speculative=False),
        CommitAgentTurn(agent + 1),
    ]


def test_transcripts_out_of_order_are_taken_in_order() -> None:
    turns = manager()
    for _ in range(2):
        turns.speech_started()
        turns.user_turn_ended()
    assert turns.transcribed(2, "two") == []
    taken = [d for d in turns.transcribed(1, "one") if isinstance(d, UserTurnTaken)]
    assert taken == [UserTurnTaken(1, "one"), UserTurnTaken(2, "two")]


@pytest.mark.parametrize("first_is_known", [False, True])
def test_nothing_is_answered_while_the_user_speaks_nor_guessed_while_an_answer_is_owed(
    first_is_known: bool,
) -> None:
    turns = manager(speculation=True)
    turns.speech_started()
    turns.user_turn_ended()
    turns.speech_started()
    if first_is_known:
        assert turns.transcribed(1, "one") == [CloseUtterance(1), UserTurnTaken(1, "one")]
    assert [*turns.interim(2, "two"), *turns.interim(2, "two")] == []
    assert turns.pause_lasted() == [Transcribe(2, 2)]
    assert turns.transcribed(2, "two") == []
    decisions = turns.user_turn_ended()
    if not first_is_known:
        assert decisions == []
        decisions = turns.transcribed(1, "one")
    assert decisions[-2:] == [StartAgentTurn(1, 2, "one two", speculative=False), CommitAgentTurn(1)]


def test_hanging_up_ends_all() -> None:
    turns = manager()
    turns.begin_greeting()
    turns.speech_started(5_000)
    turns.user_turn_ended()
    turns.speech_started()
    assert turns.hang_up() == [CloseUtterance(1), CloseUtterance(2)]
    assert turns.hang_up() == []
    assert turns.speech_started() == []
    assert [*turns.speech_resumed(), *turns.speech_continued(500)] == []
    assert turns.idle


def test_hanging_up_cancels_the_answer() -> None:
    turns = manager()
    assert turns.hang_up() == []
    turns = manager()
    agent = answering(turns)
    assert turns.hang_up() == [CancelAgentTurn(agent, "hung_up")]


@pytest.mark.parametrize("revision", [0, -1, 7])
def test_a_transcript_that_nobody_asked_for_changes_nothing(revision: int) -> None:
    turns = manager(speculation=True)
    turns.speech_started()
    assert turns.transcribed(revision, "ghost") == []
    assert turns.user_turn_ended() == [Transcribe(1, 1)]


# --- interruption -----------------------------------------------------------------------------------------------------


def test_a_cough_holds_the_agent_and_lets_it_go_on() -> None:
    turns = manager()
    agent = answering(turns)
    assert turns.speech_started(96) == [OpenUtterance(2), HoldSpeech(agent)]
    assert turns.speech_continued(100) == []
    assert turns.pause_lasted() == [Transcribe(2, 2)]
    assert turns.pause_lasted() == []
    assert turns.transcribed(2, "") == [
        InterruptionDecided(agent, 2, False, "short", 196, ""),
        ReleaseSpeech(agent),
        CloseUtterance(2),
    ]
    assert turns.user_turn is None
    assert turns.user_turn_ended() == []
    assert turns.agent_turn == agent


@pytest.mark.parametrize(("text", "why"), [("Uh-huh.", "backchannel"), ("it will be sunny", "echo")])
def test_words_of_agreement_and_echoes_are_dismissed(text: str, why: str) -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(96)
    assert turns.interim(2, text) == []
    assert turns.speech_continued(2_000) == []
    assert turns.user_turn_ended() == [Transcribe(2, 2)]
    decided, *rest = turns.transcribed(2, text)
    assert isinstance(decided, InterruptionDecided)
    assert (decided.interrupted, decided.why) == (False, why)
    assert rest == [ReleaseSpeech(agent), CloseUtterance(2)]
    turns.agent_finished(agent)
    assert turns.idle


def test_words_interrupt_once_there_was_enough_speech() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(96)
    assert turns.interim(2, "Wait") == []
    assert turns.speech_continued(203) == []
    assert turns.speech_continued(1) == [
        InterruptionDecided(agent, 2, True, "words", 300, "Wait"),
        CancelAgentTurn(agent, "interrupted"),
    ]
    assert turns.user_turn_ended() == [Transcribe(2, 2)]


def test_an_interim_transcript_interrupts() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(400)
    assert turns.interim(2, "uh-huh") == []
    assert turns.interim(2, "uh-huh but wait")[1:] == [CancelAgentTurn(agent, "interrupted")]


def test_length_interrupts_where_no_words_come_and_sooner_while_the_agent_thinks() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(1_499)
    assert turns.speech_continued(1) == [
        InterruptionDecided(agent, 2, True, "length", 1_500, ""),
        CancelAgentTurn(agent, "interrupted"),
    ]
    turns = manager()
    agent = answering(turns, audible=False)
    assert turns.speech_started(599) == [OpenUtterance(2), HoldSpeech(agent)]
    assert turns.speech_continued(1)[1:] == [CancelAgentTurn(agent, "interrupted")]


def test_a_short_word_interrupts_at_the_pause_and_is_answered() -> None:
    turns = manager(speculation=True)
    agent = answering(turns)
    turns.speech_started(96)
    turns.pause_lasted()
    assert turns.transcribed(2, "Stop.") == [
        InterruptionDecided(agent, 2, True, "words", 96, "Stop."),
        CancelAgentTurn(agent, "interrupted"),
        StartAgentTurn(agent + 1, 2, "Stop.", speculative=True),
    ]
    assert turns.user_turn_ended() == [
        CloseUtterance(2),
        UserTurnTaken(2, "Stop."),
        CommitAgentTurn(agent + 1),
    ]


def test_a_turn_that_ended_before_its_text_came_holds_the_agent_until_then() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(96)
    turns.pause_lasted()
    assert turns.user_turn_ended() == []
    assert turns.transcribed(2, "Stop.") == [
        InterruptionDecided(agent, 2, True, "words", 96, "Stop."),
        CancelAgentTurn(agent, "interrupted"),
        CloseUtterance(2),
        UserTurnTaken(2, "Stop."),
        StartAgentTurn(agent + 1, 2, "Stop.", speculative=False),
        CommitAgentTurn(agent + 1),
    ]


def test_the_agent_is_held_until_the_last_sound_is_dismissed() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(96)
    turns.user_turn_ended()
    assert turns.speech_started(96) == [OpenUtterance(3)]
    turns.user_turn_ended()
    assert turns.transcribed(3, "yeah")[1:] == [CloseUtterance(3)]
    assert turns.transcribed(2, "")[1:] == [ReleaseSpeech(agent), CloseUtterance(2)]


def test_speech_after_a_dismissal_in_a_pause_is_a_turn_of_its_own() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(400)
    turns.pause_lasted()
    turns.transcribed(2, "uh-huh")
    assert turns.speech_resumed() == []
    assert turns.speech_continued(64) == []
    # A flicker so far.
    assert turns.pause_lasted() == []
    assert turns.speech_resumed() == []
    assert turns.speech_continued(64) == []
    assert turns.speech_continued(32) == [OpenUtterance(3), HoldSpeech(agent)]
    turns.speech_continued(300)
    assert turns.interim(3, "but wait")[-1] == CancelAgentTurn(agent, "interrupted")
    assert turns.user_turn_ended() == [Transcribe(3, 3)]


def test_a_sound_that_goes_on_after_a_pause_is_judged_by_all_of_it() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(200)
    turns.pause_lasted()
    turns.speech_resumed()
    assert turns.transcribed(2, "uh-huh") == []
    assert turns.speech_continued(100) == []
    assert turns.pause_lasted() == [Transcribe(2, 3)]
    assert turns.transcribed(3, "uh-huh but why")[1:] == [CancelAgentTurn(agent, "interrupted")]


def test_a_whole_sentence_after_which_the_voice_fades_is_answered_at_once() -> None:
    turns = manager(speculation=True)
    turns.speech_started(500)
    assert turns.interim(1, "What time is it?", whole=True) == [
        StartAgentTurn(1, 1, "What time is it?", speculative=True)
    ]
    # It was not the whole of it.
    assert turns.interim(1, "What time is it in Rome?", whole=True) == [
        CancelAgentTurn(1, "discarded"),
        StartAgentTurn(2, 1, "What time is it in Rome?", speculative=True),
    ]
    turns.user_turn_ended()
    assert turns.transcribed(1, "what time is it in Rome")[-1] == CommitAgentTurn(2)
    patient = manager(speculation=True, on_interims=False)
    patient.speech_started(500)
    assert patient.interim(1, "What time is it?", whole=True) == []


def test_what_is_guessed_after_a_pause_is_not_voided_by_the_speech_before_it() -> None:
    turns = manager(speculation=True)
    turns.speech_started(500)
    turns.pause_lasted()
    turns.speech_resumed()
    turns.speech_continued(500)
    turns.interim(1, "what time is it")
    assert turns.interim(1, "what time is it") == [StartAgentTurn(1, 1, "what time is it", speculative=True)]
    assert turns.speech_continued(500) == []


def test_an_answer_that_was_dropped_unheard_for_a_noise_is_made_again() -> None:
    turns = manager()
    agent = answering(turns, "what time is it", audible=False)
    turns.speech_started(700)
    assert turns.agent_turn is None
    turns.user_turn_ended()
    assert not turns.idle
    assert turns.transcribed(2, "") == [
        CloseUtterance(2),
        StartAgentTurn(agent + 1, 1, "what time is it", speculative=False),
        CommitAgentTurn(agent + 1),
    ]
    assert turns.agent_finished(agent + 1) == []
    assert turns.idle


def test_an_answer_that_was_heard_in_part_is_not_made_again() -> None:
    turns = manager()
    answering(turns)
    turns.speech_started(1_500)
    turns.user_turn_ended()
    assert turns.transcribed(2, "") == [CloseUtterance(2)]
    assert turns.idle


def test_what_is_added_while_the_agent_thinks_is_answered_with_what_was_said_before() -> None:
    turns = manager(speculation=True)
    agent = answering(turns, "I would like to fly", audible=False)
    turns.speech_started(300)
    assert turns.interim(2, "to Rome")[1:] == [CancelAgentTurn(agent, "interrupted")]
    assert turns.interim(2, "to Rome") == [StartAgentTurn(agent + 1, 2, "to Rome", speculative=True)]
    turns.pause_lasted()
    assert turns.transcribed(2, "To Rome.") == []
    assert turns.user_turn_ended()[-1] == CommitAgentTurn(agent + 1)
    turns.agent_finished(agent + 1)
    assert turns.idle


def test_where_the_answer_ends_before_the_sound_is_judged_it_is_a_turn_like_any_other() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(96)
    turns.pause_lasted()
    assert turns.agent_finished(agent) == []
    assert turns.transcribed(2, "yes") == []
    assert turns.user_turn_ended()[1] == UserTurnTaken(2, "yes")


def test_a_greeting_can_be_interrupted_and_is_not_made_again() -> None:
    turns = manager()
    assert turns.begin_greeting() == 1
    assert turns.speech_started(600) == [
        OpenUtterance(1),
        HoldSpeech(1),
        InterruptionDecided(1, 1, True, "length", 600, ""),
        CancelAgentTurn(1, "interrupted"),
    ]
    turns.user_turn_ended()
    assert turns.transcribed(1, "") == [CloseUtterance(1)]
    assert turns.idle


# --- speculation ------------------------------------------------------------------------------------------------------


def test_a_speculative_answer_is_committed_when_the_turn_ends() -> None:
    turns = manager(speculation=True)
    turns.speech_started()
    assert turns.pause_lasted() == [Transcribe(1, 1)]
    assert turns.pause_lasted() == []
    assert turns.transcribed(1, "hello") == [StartAgentTurn(1, 1, "hello", speculative=True)]
    assert not turns.thinking
    assert turns.user_turn_ended() == [CloseUtterance(1), UserTurnTaken(1, "hello"), CommitAgentTurn(1)]


def test_a_speculative_answer_is_discarded_when_the_user_goes_on() -> None:
    turns = manager(speculation=True)
    agent = speculating(turns)
    assert turns.speech_resumed() == []
    assert turns.speech_continued(96) == []
    assert turns.speech_continued(32) == [CancelAgentTurn(agent, "discarded")]
    assert turns.transcribed(1, "too late") == []
    assert turns.user_turn_ended() == [Transcribe(1, 2)]
    assert turns.transcribed(2, "hello there")[1:] == [
        UserTurnTaken(1, "hello there"),
        StartAgentTurn(2, 1, "hello there", speculative=False),
        CommitAgentTurn(2),
    ]


def test_a_flicker_of_the_detector_costs_nothing() -> None:
    turns = manager(speculation=True)
    agent = speculating(turns)
    turns.speech_resumed()
    assert turns.speech_continued(64) == []
    assert turns.pause_lasted() == [Transcribe(1, 2)]
    assert turns.user_turn_ended() == []
    assert turns.transcribed(2, "Hello!") == [
        CloseUtterance(1),
        UserTurnTaken(1, "Hello!"),
        CommitAgentTurn(agent),
    ]


def test_a_flicker_counts_no_more_once_the_transcript_after_it_agrees() -> None:
    turns = manager(speculation=True)
    speculating(turns)
    for revision in (2, 3, 4):
        turns.speech_resumed()
        assert turns.speech_continued(64) == []
        assert turns.pause_lasted() == [Transcribe(1, revision)]
        assert turns.transcribed(revision, "hello") == []


def test_flickers_in_a_row_are_speech() -> None:
    turns = manager(speculation=True)
    agent = speculating(turns)
    for _ in range(2):
        turns.speech_resumed()
        assert turns.speech_continued(48) == []
    turns.speech_resumed()
    assert turns.speech_continued(48) == [CancelAgentTurn(agent, "discarded")]


@pytest.mark.parametrize("ended", [False, True])
def test_a_transcript_that_says_otherwise_discards_and_is_answered(ended: bool) -> None:
    turns = manager(speculation=True)
    agent = speculating(turns)
    turns.speech_resumed()
    if ended:
        turns.user_turn_ended()
        taken: list[TurnDecision] = [UserTurnTaken(1, "hell no")]
        assert turns.transcribed(2, "hell no") == [
            CloseUtterance(1),
            CancelAgentTurn(agent, "discarded"),
            *taken,
            StartAgentTurn(2, 1, "hell no", speculative=False),
            CommitAgentTurn(2),
        ]
    else:
        turns.pause_lasted()
        assert turns.transcribed(2, "hell no") == [
            CancelAgentTurn(agent, "discarded"),
            StartAgentTurn(2, 1, "hell no", speculative=True),
        ]


def test_a_speculative_answer_to_no_words_is_discarded() -> None:
    turns = manager(speculation=True)
    agent = speculating(turns)
    turns.speech_resumed()
    turns.user_turn_ended()
    assert turns.transcribed(2, "") == [CloseUtterance(1), CancelAgentTurn(agent, "discarded")]
    assert turns.idle


def test_two_interims_that_say_the_same_begin_an_answer_and_another_ends_it() -> None:
    turns = manager(speculation=True)
    turns.speech_started(500)
    assert turns.interim(1, "") == []
    assert turns.interim(1, "") == []
    assert turns.interim(1, "what time") == []
    assert turns.interim(1, "What time?") == [StartAgentTurn(1, 1, "What time?", speculative=True)]
    # They still speak, and nothing else has been made out.
    assert turns.speech_continued(500) == []
    assert turns.interim(1, "what time") == []
    assert turns.interim(1, "what time is") == [CancelAgentTurn(1, "discarded")]
    assert turns.interim(1, "what time is it") == []
    assert turns.interim(1, "what time is it") == [StartAgentTurn(2, 1, "what time is it", speculative=True)]
    assert turns.pause_lasted() == [Transcribe(1, 1)]
    assert turns.transcribed(1, "What time is it?") == []
    # Older than the transcript of all of it.
    assert turns.interim(1, "what time is") == []
    assert turns.user_turn_ended()[1:] == [UserTurnTaken(1, "What time is it?"), CommitAgentTurn(2)]
    assert turns.interim(1, "what time is") == []


def test_interims_begin_nothing_where_they_may_not() -> None:
    turns = manager(speculation=True, on_interims=False)
    turns.speech_started(500)
    assert [*turns.interim(1, "hello"), *turns.interim(1, "hello")] == []
    turns = manager(speculation=False)
    turns.speech_started(500)
    assert [*turns.interim(1, "hello"), *turns.interim(1, "hello")] == []


def test_nothing_new_is_speculated_without_headroom() -> None:
    turns = manager(speculation=True)
    turns.allow_speculation(False)
    turns.speech_started(500)
    assert [*turns.interim(1, "hello"), *turns.interim(1, "hello")] == []
    # The transcript is due in any case.
    assert turns.pause_lasted() == [Transcribe(1, 1)]
    assert turns.transcribed(1, "hello") == []
    turns.allow_speculation(True)
    turns.speech_resumed()
    assert turns.interim(1, "hello") == [StartAgentTurn(1, 1, "hello", speculative=True)]
    turns.allow_speculation(False)
    assert turns.pause_lasted() == [Transcribe(1, 2)]
    assert turns.transcribed(2, "hello") == []
    assert turns.user_turn_ended()[-1] == CommitAgentTurn(1)


def test_a_speculative_answer_that_failed_is_made_once_more_at_the_end() -> None:
    turns = manager(speculation=True)
    speculating(turns)
    assert turns.agent_finished(1) == []
    assert turns.speech_resumed() == []
    assert [*turns.interim(1, "hello"), *turns.interim(1, "hello")] == []
    turns.pause_lasted()
    assert turns.transcribed(2, "hello") == []
    assert turns.user_turn_ended()[-1] == CommitAgentTurn(2)


def test_an_answer_that_failed_does_not_count_against_the_next_turn() -> None:
    turns = manager(speculation=True)
    agent = speculating(turns)
    turns.speech_resumed()
    turns.user_turn_ended()
    turns.speech_started(96)
    turns.agent_finished(agent)
    turns.transcribed(2, "")
    turns.pause_lasted()
    assert turns.transcribed(3, "hello") == [StartAgentTurn(2, 2, "hello", speculative=True)]


def test_a_speculative_answer_is_not_committed_while_the_user_speaks_again() -> None:
    turns = manager(speculation=True)
    agent = speculating(turns)
    turns.speech_resumed()
    turns.user_turn_ended()
    turns.speech_started(96)
    assert turns.transcribed(2, "hello") == [
        CloseUtterance(1),
        CancelAgentTurn(agent, "discarded"),
        UserTurnTaken(1, "hello"),
    ]


def test_a_transcript_that_comes_twice_counts_once() -> None:
    turns = manager(speculation=True)
    turns.speech_started()
    turns.pause_lasted()
    turns.transcribed(1, "one")
    assert turns.transcribed(1, "two") == []
    assert turns.user_turn_ended()[1] == UserTurnTaken(1, "one")


# --- any order --------------------------------------------------------------------------------------------------------

KINDS = st.sampled_from(["new", "new", "again", "again", "silent", "agreement", "echo"])

OFTEN = st.sampled_from([True, True, True, False])


class AnyOrder(RuleBasedStateMachine):
    """Plays session, user and engines at random, and keeps its own books of what was promised."""

    def __init__(self) -> None:
        super().__init__()
        self.words = 0
        self.over = False
        self.user: int | None = None
        self.users = 0
        self.heard_ms = 0.0
        self.resumed_ms: float | None = None  # speech that goes on without a turn
        self.ended: list[int] = []
        self.dismissed: set[int] = set()
        self.closed: list[int] = []
        self.asked: dict[int, int] = {}  # revision -> user turn
        self.current: dict[int, int] = {}  # user turn -> the revision that counts
        self.text: dict[int, str] = {}
        self.interims: dict[int, list[str]] = {}
        self.taken: list[UserTurnTaken] = []
        self.started: dict[int, StartAgentTurn | None] = {}
        self.committed: list[int] = []
        self.unheard: set[int] = set()  # interrupted before the listener heard them
        self.alive: int | None = None
        self.audible = self.held = False
        self.clause = ""
        self.allowed = True
        self.before: TurnDecision | None = None

    @initialize(
        interruption=OFTEN,
        speculation=OFTEN,
        on_interims=OFTEN,
        greeting=st.booleans(),
        confirm=st.integers(0, 400),
        without_words=st.integers(0, 1_000),
    )
    def begin(
        self,
        interruption: bool,
        speculation: bool,
        on_interims: bool,
        greeting: bool,
        confirm: int,
        without_words: int,
    ) -> None:
        self.interruption, self.speculation, self.on_interims = interruption, speculation, on_interims
        self.confirm_ms, self.without_words_ms = confirm, without_words
        self.turns = manager(
            interruption=interruption,
            speculation=speculation,
            on_interims=on_interims,
            confirm_ms=confirm,
            without_words_ms=without_words,
        )
        if greeting:
            self.alive = self.turns.begin_greeting()
            self.started[self.alive] = None
            self.committed.append(self.alive)

    # The user.

    @rule(already_ms=st.sampled_from([0, 96, 500]))
    def speech_started(self, already_ms: int) -> None:
        begins = not self.over and self.user is None
        users = self.users
        self.follow(self.turns.speech_started(already_ms), heard_ms=already_ms)
        assert self.users == users + begins

    @rule(ms=st.sampled_from([32.0, 64.0, 150.0, 400.0]))
    def speech_continued(self, ms: float) -> None:
        users = self.users
        if self.user is not None:
            self.heard_ms += ms
        elif self.resumed_ms is not None:
            self.resumed_ms += ms
        begins = self.user is None and (self.resumed_ms or 0.0) >= 96
        self.follow(self.turns.speech_continued(ms), heard_ms=self.resumed_ms or 0.0)
        assert self.users == users + begins
        if self.user is not None and self.interruption and self.alive in self.committed:
            # Undecided: too short yet, or words that will be dismissed.
            said = self.interims.get(self.user, [""])[-1]
            waits = self.without_words_ms if not said else 0 if said.startswith("w") else float("inf")
            assert self.heard_ms < max(self.confirm_ms, waits)

    @rule()
    def speech_resumed(self) -> None:
        if self.user is not None:
            self.current.pop(self.user, None)
            self.text.pop(self.user, None)
        elif not self.over:
            self.resumed_ms = self.resumed_ms or 0.0
        self.follow(self.turns.speech_resumed())

    @rule()
    def pause_lasted(self) -> None:
        self.resumed_ms = None
        self.follow(self.turns.pause_lasted())
        if self.user is not None and (self.speculation or self.held):
            assert self.user in self.current

    @rule()
    def user_turn_ended(self) -> None:
        user, self.user, self.resumed_ms = self.user, None, None
        if user is not None:
            self.ended.append(user)
        self.follow(self.turns.user_turn_ended())
        assert user is None or user in self.current

    @precondition(lambda self: not self.over)
    @rule(
        ms=st.sampled_from([32.0, 400.0]),
        interims=st.lists(KINDS, max_size=3),
        flicker=st.sampled_from([None, 32.0, 150.0]),
        pause=KINDS,
        end=st.none() | KINDS,
    )
    def says_something(
        self, ms: float, interims: list[str], flicker: float | None, pause: str, end: str | None
    ) -> None:
        """A turn in the usual order; otherwise it seldom comes to that."""
        self.speech_started(96)
        self.speech_continued(ms)
        for kind in interims:
            self.interim(kind, 0)
        self.pause_lasted()
        self.deliver_what_is_due(pause)
        if flicker is not None:
            self.speech_resumed()
            self.speech_continued(flicker)
            self.pause_lasted()
        self.user_turn_ended()
        if end is not None:
            self.deliver_what_is_due(end)

    # The engines.

    @precondition(lambda self: self.users)
    @rule(kind=KINDS, ago=st.sampled_from([0, 0, 0, 1, 2]))
    def interim(self, kind: str, ago: int) -> None:
        user = self.users - ago
        text = self.words_of(user, kind)
        if user in (self.user, *self.owed()) and user not in self.text:
            self.interims.setdefault(user, []).append(text)
        self.follow(self.turns.interim(user, f" {text}"))

    @precondition(lambda self: bool(self.asked))
    @rule(data=st.data(), kind=KINDS)
    def transcribed(self, data: st.DataObject, kind: str) -> None:
        """Any revision asked for lately: due, stale, or delivered before."""
        self.deliver(data.draw(st.sampled_from(sorted(self.asked)[-4:])), kind)

    @precondition(lambda self: any(user not in self.text for user in self.current))
    @rule(data=st.data(), kind=KINDS)
    def transcribed_at_last(self, data: st.DataObject, kind: str) -> None:
        due = [revision for user, revision in self.current.items() if user not in self.text]
        self.deliver(data.draw(st.sampled_from(due)), kind)

    @precondition(lambda self: self.alive in self.committed and not self.audible)
    @rule()
    def agent_speaks(self) -> None:
        assert self.alive is not None
        self.audible = True
        self.clause = f"clause {self.alive} of my answer"
        assert self.turns.agent_says(self.alive, self.clause) == []
        assert self.turns.agent_audible(self.alive) == []

    @precondition(lambda self: self.alive is not None)
    @rule()
    def agent_finished(self) -> None:
        assert self.alive is not None
        agent = self.alive
        self.silence_the_agent()
        self.follow(self.turns.agent_finished(agent))

    @rule(allowed=OFTEN)
    def allow_speculation(self, allowed: bool) -> None:
        self.allowed = allowed
        self.turns.allow_speculation(allowed)

    @rule(number=st.integers(-1, 50))
    def noise(self, number: int) -> None:
        """Ids that are not current, and some that never were."""
        if number not in self.asked:
            assert self.turns.transcribed(number, "ghost") == []
        if number not in (self.user, *self.owed()):
            assert self.turns.interim(number, "ghost") == []
        if number != self.alive:
            assert self.turns.agent_finished(number) == []
            assert self.turns.agent_audible(number) == []
            assert self.turns.agent_says(number, "ghost") == []

    @precondition(lambda self: self.users > 8)
    @rule()
    def hang_up(self) -> None:
        self.user = self.resumed_ms = None
        self.follow(self.turns.hang_up())
        self.over = True
        assert self.alive is None
        assert sorted(self.closed) == list(range(1, self.users + 1))

    # The books.

    def owed(self) -> list[int]:
        return [user for user in self.ended if user not in self.closed]

    def words_of(self, user: int, kind: str) -> str:
        said = self.interims.get(user, [])[-1:]
        if kind == "again" and said and said[0]:
            return said[0].upper() + "!" if self.words % 2 else said[0]
        self.words += 1
        return {"silent": "", "agreement": "mm-hm", "echo": self.clause}.get(kind, f"w{self.words}")

    def deliver(self, revision: int, kind: str) -> None:
        user = self.asked[revision]
        said = self.words_of(user, kind)
        if self.current.get(user) == revision and user not in self.text and user not in self.closed:
            self.text[user] = said
        self.follow(self.turns.transcribed(revision, f" {said} "))

    def deliver_what_is_due(self, kind: str) -> None:
        for user, revision in list(self.current.items()):
            if user not in self.text and user not in self.closed:
                self.deliver(revision, kind)

    def silence_the_agent(self) -> None:
        self.alive, self.held, self.audible, self.clause = None, False, False, ""

    def follow(self, decisions: list[TurnDecision], heard_ms: float = 0.0) -> None:
        assert not (self.over and decisions)
        self.before = None
        for decision in decisions:
            self.note(decision, heard_ms)
            self.before = decision
        assert not isinstance(self.before, InterruptionDecided)
        assert self.turns.agent_turn == self.alive
        assert self.turns.user_turn == self.user
        assert self.turns.thinking == bool(self.owed() or (self.alive in self.committed))
        if self.alive is not None and self.alive not in self.committed:
            start = self.started[self.alive]
            assert start is not None
            assert start.user_turn in (self.user, *self.owed())
            assert same(start.text, self.text.get(start.user_turn, start.text))
        has_floor = self.interruption and self.alive in self.committed
        assert self.held == bool(has_floor and (self.user is not None or self.owed()))

    def note(self, decision: TurnDecision, heard_ms: float) -> None:
        if isinstance(self.before, InterruptionDecided):
            follows = CancelAgentTurn if self.before.interrupted else (ReleaseSpeech, CloseUtterance)
            assert isinstance(decision, follows)
        if isinstance(decision, OpenUtterance):
            self.users += 1
            assert self.user is None
            assert decision.user_turn == self.users
            self.user, self.heard_ms, self.resumed_ms = self.users, heard_ms, None
        elif isinstance(decision, Transcribe):
            assert decision.user_turn not in self.closed
            assert decision.user_turn not in self.current
            assert decision.revision > max(self.asked, default=0)
            self.asked[decision.revision] = decision.user_turn
            self.current[decision.user_turn] = decision.revision
        elif isinstance(decision, UserTurnTaken):
            assert decision.user_turn in self.ended
            assert decision.user_turn not in self.dismissed
            assert decision.text == self.text[decision.user_turn] != ""
            assert all(taken.user_turn < decision.user_turn for taken in self.taken)
            self.taken.append(decision)
        elif isinstance(decision, StartAgentTurn):
            self.note_start(decision)
        elif isinstance(decision, CommitAgentTurn):
            self.note_commit(decision)
        elif isinstance(decision, InterruptionDecided):
            self.note_judgement(decision)
        elif isinstance(decision, CancelAgentTurn):
            agent = decision.agent_turn
            assert self.alive == agent
            assert (decision.reason == "discarded") <= (agent not in self.committed)
            if decision.reason == "interrupted":
                assert agent in self.committed
                assert isinstance(self.before, InterruptionDecided)
                assert self.before.agent_turn == agent
                if self.started[agent] and not self.audible:
                    self.unheard.add(agent)
            self.silence_the_agent()
        elif isinstance(decision, HoldSpeech | ReleaseSpeech):
            assert self.interruption
            assert self.alive == decision.agent_turn
            assert decision.agent_turn in self.committed
            assert self.held == isinstance(decision, ReleaseSpeech)
            self.held = not self.held
        else:
            assert isinstance(decision, CloseUtterance)
            assert decision.user_turn not in self.closed
            self.closed.append(decision.user_turn)

    def note_start(self, start: StartAgentTurn) -> None:
        assert self.alive is None
        assert start.agent_turn > max(self.started, default=0)
        assert start.text
        assert not self.owed()
        if start.speculative:
            assert self.speculation
            assert self.allowed
            assert start.user_turn == self.user
            if self.text.get(start.user_turn) != start.text:
                assert self.on_interims
                one, two = self.interims[start.user_turn][-2:]
                assert same(one, two)
                assert two == start.text
        else:
            assert self.user is None
        self.alive = start.agent_turn
        self.started[start.agent_turn] = start

    def note_commit(self, commit: CommitAgentTurn) -> None:
        assert self.alive == commit.agent_turn
        assert commit.agent_turn not in self.committed
        assert self.user is None
        assert not self.owed()
        start = self.started[commit.agent_turn]
        assert start is not None
        assert self.taken[-1].user_turn == start.user_turn
        if start.speculative:
            assert same(self.taken[-1].text, start.text)
        self.committed.append(commit.agent_turn)

    def note_judgement(self, decided: InterruptionDecided) -> None:
        user = decided.user_turn
        assert self.held
        assert decided.agent_turn == self.alive
        if user == self.user:
            assert decided.speech_ms == self.heard_ms
        if decided.interrupted:
            assert decided.why in ("words", "length")
            if decided.why == "length":
                assert not decided.text
                assert decided.speech_ms >= self.confirm_ms
            else:
                assert words(decided.text)[0].startswith("w") or "clause" in decided.text.lower()
            return
        # Only a transcript of all that they said dismisses it.
        assert decided.text == self.text[user]
        wordless = {"no_words": "", "short": "", "backchannel": "mm hm", "echo": " ".join(words(self.clause))}
        assert " ".join(words(decided.text)) == wordless[decided.why]
        self.dismissed.add(user)
        if user == self.user:
            self.user = None
        else:
            self.ended.remove(user)

    def teardown(self) -> None:
        """The user falls silent, all transcripts come, all answers end: nothing may be lost or left over."""
        if not hasattr(self, "turns"):
            return
        if not self.over:
            self.user_turn_ended()
            self.deliver_what_is_due("silent" if self.users % 2 else "new")
            assert not self.held
            while self.alive is not None:
                self.agent_finished()
            assert [t.user_turn for t in self.taken] == [user for user in self.ended if self.text[user]]
            self.check_answers()
        assert sorted(self.closed) == list(range(1, self.users + 1))
        assert self.turns.idle

    def check_answers(self) -> None:
        """Every word that was taken was answered once; again only where nobody heard the answer."""
        said = {taken.user_turn: taken.text for taken in self.taken}
        answered: list[str] = []
        before: StartAgentTurn | None = None
        for agent in self.committed:
            if (start := self.started[agent]) is None:
                continue
            if before is not None and start.user_turn == before.user_turn:
                assert before.agent_turn in self.unheard
            else:
                answered.append(said[start.user_turn] if start.speculative else start.text)
            before = start
        assert " ".join(answered).split() == " ".join(taken.text for taken in self.taken).split()
        assert not self.committed or self.committed[-1] not in self.unheard


def long_call(seed: int, call: AnyOrder) -> None:
    """What a call is made of mostly, many times over; Hypothesis's own are short."""
    rng = random.Random(seed)
    call.begin(
        interruption=seed % 5 != 0,
        speculation=seed % 4 != 0,
        on_interims=seed % 3 != 0,
        greeting=seed % 2 == 0,
        confirm=rng.randint(0, 400),
        without_words=rng.randint(0, 1_000),
    )

    def kind() -> str:
        return rng.choice(["new", "again", "again", "silent", "agreement", "echo"])

    for _ in range(200):
        action = rng.random()
        if action < 0.2:
            interims = [kind() for _ in range(rng.randint(0, 3))]
            flicker = rng.choice([None, 32.0, 150.0])
            call.says_something(
                rng.choice([32.0, 400.0]), interims, flicker, kind(), rng.choice([None, kind()])
            )
        elif action < 0.4:
            if call.alive in call.committed:
                call.agent_speaks()
        elif action < 0.45:
            if call.alive is not None:
                call.agent_finished()
        elif action < 0.5:
            call.allow_speculation(rng.random() < 0.8)
        elif action < 0.6:
            call.deliver_what_is_due(kind())
        elif action < 0.7:
            if call.users:
                call.interim(kind(), rng.choice([0, 0, 1]))
        elif action < 0.75:
            call.speech_started(rng.choice([0, 96, 500]))
        elif action < 0.85:
            call.speech_continued(rng.choice([32.0, 64.0, 150.0]))
        else:
            rng.choice([call.speech_resumed, call.pause_lasted, call.user_turn_ended])()
    call.teardown()


@pytest.mark.parametrize("seed", range(40))
def test_long_calls(seed: int) -> None:
    long_call(seed, AnyOrder())


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=30)
