"""The turn manager: scenes by hand, and its promises under any order of events."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from voicebot.settings import InterruptionSettings, SpeculationSettings
from voicebot.turns import (
    CancelAgentTurn,
    CloseUtterance,
    CommitAgentTurn,
    HoldSpeech,
    ReleaseSpeech,
    StartAgentTurn,
    Transcribe,
    TurnDecision,
    TurnManager,
    UserTurnTaken,
)


def manager(*, interruption: bool = True, speculation: bool = False, confirm_ms: int = 300) -> TurnManager:
    return TurnManager(
        InterruptionSettings(enabled=interruption, confirm_ms=confirm_ms),
        SpeculationSettings(enabled=speculation),
    )


def answering(turns: TurnManager, text: str = "hello") -> int:
    """Bring it to where the agent answers the user's first turn."""
    turns.speech_started()
    (transcribe,) = turns.user_turn_ended()
    assert isinstance(transcribe, Transcribe)
    turns.transcribed(transcribe.revision, text)
    assert turns.agent_turn is not None
    return turns.agent_turn


# --- scenes -----------------------------------------------------------------------------------------------------------


def test_a_turn_is_transcribed_taken_and_answered() -> None:
    turns = manager()
    assert turns.idle
    assert turns.speech_started() == []
    assert turns.user_turn == 1
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
    turns.speech_started()
    turns.pause_lasted()
    turns.transcribed(1, "hello")
    assert turns.speech_resumed() == [CancelAgentTurn(1, "discarded")]
    assert turns.transcribed(1, "too late") == []
    assert turns.user_turn_ended() == [Transcribe(1, 2)]
    assert turns.transcribed(2, "hello there")[1:] == [
        UserTurnTaken(1, "hello there"),
        StartAgentTurn(2, 1, "hello there", speculative=False),
        CommitAgentTurn(2),
    ]


def test_a_speculative_answer_that_failed_is_made_again() -> None:
    turns = manager(speculation=True)
    turns.speech_started()
    turns.pause_lasted()
    turns.transcribed(1, "hello")
    assert turns.agent_finished(1) == []
    assert turns.user_turn_ended()[-1] == CommitAgentTurn(2)


def test_a_cough_holds_the_agent_and_lets_it_go_on() -> None:
    turns = manager()
    agent = answering(turns)
    assert turns.speech_started(96) == [HoldSpeech(agent)]
    assert turns.speech_continued(100) == []
    assert turns.pause_lasted() == [ReleaseSpeech(agent)]
    assert turns.pause_lasted() == []
    assert turns.speech_resumed() == [HoldSpeech(agent)]
    assert turns.user_turn_ended() == [ReleaseSpeech(agent), CloseUtterance(2)]
    assert turns.agent_turn == agent


def test_enough_speech_interrupts() -> None:
    turns = manager()
    agent = answering(turns)
    turns.speech_started(96)
    assert turns.speech_continued(203) == []
    assert turns.speech_continued(1) == [CancelAgentTurn(agent, "interrupted")]
    assert turns.user_turn_ended() == [Transcribe(2, 2)]


def test_without_interruption_the_user_waits_and_is_answered_together() -> None:
    turns = manager(interruption=False)
    agent = answering(turns)
    for revision, text in ((2, "one"), (3, "two")):
        assert turns.speech_started(5_000) == []
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
    assert turns.pause_lasted() == [Transcribe(2, 2)]
    assert turns.transcribed(2, "two") == []
    decisions = turns.user_turn_ended()
    if not first_is_known:
        assert decisions == []
        decisions = turns.transcribed(1, "one")
    assert decisions[-2:] == [StartAgentTurn(1, 2, "one two", speculative=False), CommitAgentTurn(1)]


def test_a_transcript_that_comes_twice_counts_once() -> None:
    turns = manager(speculation=True)
    turns.speech_started()
    turns.pause_lasted()
    turns.transcribed(1, "one")
    assert turns.transcribed(1, "two") == []
    assert turns.user_turn_ended()[1] == UserTurnTaken(1, "one")


def test_a_greeting_can_be_interrupted_and_a_hang_up_ends_all() -> None:
    turns = manager()
    assert turns.begin_greeting() == 1
    assert turns.speech_started(500) == [HoldSpeech(1), CancelAgentTurn(1, "interrupted")]
    turns.user_turn_ended()
    turns.speech_started()
    assert turns.hang_up() == [CloseUtterance(1), CloseUtterance(2)]
    assert turns.hang_up() == []
    assert turns.speech_started() == []
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


# --- any order --------------------------------------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Plays session, user and engines at random, and keeps its own books of what was promised."""

    def __init__(self) -> None:
        super().__init__()
        self.words = 0
        self.speaking = False
        self.over = False
        self.user: int | None = None
        self.users = 0
        self.heard_ms = 0.0
        self.ended: list[int] = []
        self.closed: list[int] = []
        self.asked: dict[int, int] = {}  # revision -> user turn
        self.current: dict[int, int] = {}  # user turn -> the revision that counts
        self.text: dict[int, str] = {}
        self.taken: list[UserTurnTaken] = []
        self.started: dict[int, StartAgentTurn | None] = {}
        self.dead: set[int] = set()
        self.committed: list[int] = []
        self.alive: int | None = None
        self.held = False

    @initialize(
        interruption=st.booleans(),
        speculation=st.booleans(),
        greeting=st.booleans(),
        confirm=st.integers(0, 400),
    )
    def begin(self, interruption: bool, speculation: bool, greeting: bool, confirm: int) -> None:
        self.interruption, self.speculation, self.confirm_ms = interruption, speculation, confirm
        self.turns = manager(interruption=interruption, speculation=speculation, confirm_ms=confirm)
        if greeting:
            self.alive = self.turns.begin_greeting()
            self.started[self.alive] = None
            self.committed.append(self.alive)

    # The user.

    @rule(already_ms=st.sampled_from([0, 96, 500]))
    def speech_started(self, already_ms: int) -> None:
        if not self.over and self.user is None:
            self.users += 1
            self.user, self.heard_ms, self.speaking = self.users, already_ms, True
        self.follow(self.turns.speech_started(already_ms))
        self.check_interruption()

    @rule(ms=st.sampled_from([32.0, 150.0, 400.0]))
    def speech_continued(self, ms: float) -> None:
        self.heard_ms += ms
        self.follow(self.turns.speech_continued(ms))
        self.check_interruption()

    @rule()
    def speech_resumed(self) -> None:
        self.speaking = True
        if self.user is not None:
            self.current.pop(self.user, None)
            self.text.pop(self.user, None)
        self.follow(self.turns.speech_resumed())
        self.check_interruption()

    @rule()
    def pause_lasted(self) -> None:
        self.speaking = False
        self.follow(self.turns.pause_lasted())

    @rule()
    def user_turn_ended(self) -> None:
        user, self.user, self.speaking = self.user, None, False
        a_cough = self.interruption and self.alive in self.committed
        if user is not None and not a_cough:
            self.ended.append(user)
        self.follow(self.turns.user_turn_ended())
        if user is not None:
            assert (user in self.closed) if a_cough else (user in self.current)

    # The engines.

    @precondition(lambda self: bool(self.asked))
    @rule(data=st.data(), silent=st.booleans())
    def transcribed(self, data: st.DataObject, silent: bool) -> None:
        """Any revision asked for lately: due, stale, or delivered before."""
        self.deliver(data.draw(st.sampled_from(sorted(self.asked)[-4:])), silent)

    @precondition(lambda self: any(user not in self.text for user in self.current))
    @rule(data=st.data(), silent=st.booleans())
    def transcribed_at_last(self, data: st.DataObject, silent: bool) -> None:
        due = [revision for user, revision in self.current.items() if user not in self.text]
        self.deliver(data.draw(st.sampled_from(due)), silent)

    @precondition(lambda self: self.alive is not None)
    @rule()
    def agent_finished(self) -> None:
        assert self.alive is not None
        agent, self.alive, self.held = self.alive, None, False
        self.dead.add(agent)
        self.follow(self.turns.agent_finished(agent))

    @rule(number=st.integers(-1, 50))
    def noise(self, number: int) -> None:
        """Ids that are not current, and some that never were."""
        if number not in self.asked:
            assert self.turns.transcribed(number, "ghost") == []
        if number != self.alive:
            assert self.turns.agent_finished(number) == []

    @precondition(lambda self: self.users > 5)
    @rule()
    def hang_up(self) -> None:
        self.user, self.speaking = None, False
        self.follow(self.turns.hang_up())
        self.over = True
        assert self.alive is None
        assert sorted(self.closed) == list(range(1, self.users + 1))

    # The books.

    def deliver(self, revision: int, silent: bool) -> None:
        self.words += 1
        said = "" if silent else f"w{self.words}"
        user = self.asked[revision]
        if self.current.get(user) == revision and user not in self.text and user not in self.closed:
            self.text[user] = said
        self.follow(self.turns.transcribed(revision, f" {said} "))

    def check_interruption(self) -> None:
        if self.user is not None and self.interruption and self.heard_ms >= self.confirm_ms:
            assert self.alive is None or self.alive not in self.committed

    def follow(self, decisions: list[TurnDecision]) -> None:
        assert not (self.over and decisions)
        for decision in decisions:
            self.note(decision)
        assert self.turns.agent_turn == self.alive
        assert self.turns.user_turn == self.user
        owed = [user for user in self.ended if user not in self.closed]
        assert self.turns.thinking == bool(owed or (self.alive in self.committed))

    def note(self, decision: TurnDecision) -> None:
        if isinstance(decision, Transcribe):
            assert decision.user_turn not in self.closed
            assert decision.user_turn not in self.current
            assert decision.revision > max(self.asked, default=0)
            self.asked[decision.revision] = decision.user_turn
            self.current[decision.user_turn] = decision.revision
        elif isinstance(decision, UserTurnTaken):
            assert decision.user_turn in self.ended
            assert decision.text == self.text[decision.user_turn] != ""
            assert all(taken.user_turn < decision.user_turn for taken in self.taken)
            self.taken.append(decision)
        elif isinstance(decision, StartAgentTurn):
            assert self.alive is None
            assert decision.agent_turn > max(self.started, default=0)
            assert decision.text
            if decision.speculative:
                assert self.speculation
                assert not self.speaking
                assert decision.user_turn == self.user
            else:
                assert self.user is None
            self.alive = decision.agent_turn
            self.started[decision.agent_turn] = decision
        elif isinstance(decision, CommitAgentTurn):
            assert self.alive == decision.agent_turn
            assert decision.agent_turn not in self.committed
            assert self.user is None
            self.committed.append(decision.agent_turn)
        elif isinstance(decision, CancelAgentTurn):
            assert self.alive == decision.agent_turn
            assert (decision.reason == "discarded") <= (decision.agent_turn not in self.committed)
            assert (decision.reason == "interrupted") <= (decision.agent_turn in self.committed)
            self.alive, self.held = None, False
            self.dead.add(decision.agent_turn)
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

    def teardown(self) -> None:
        """The user falls silent, all transcripts come, all answers end: nothing may be lost or left over."""
        if not hasattr(self, "turns"):
            return
        if not self.over:
            self.user_turn_ended()
            for user, revision in list(self.current.items()):
                if user not in self.text:
                    self.deliver(revision, silent=False)
            assert not (self.held and self.alive is None)
            while self.alive is not None:
                self.agent_finished()
            assert [t.user_turn for t in self.taken] == [user for user in self.ended if self.text[user]]
            answered = [start.text for id_ in self.committed if (start := self.started[id_])]
            assert " ".join(answered).split() == [taken.text for taken in self.taken]
        assert sorted(self.closed) == list(range(1, self.users + 1))
        assert self.turns.idle


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40)
