"""Whose go it is: a pure state machine over speech, transcripts and playout.

It owns the ids. Every user turn has a number, counted from 1; every agent turn has one of its own that is never used
again, so whatever still carries the id of a cancelled turn can be told from what is current. The session carries the
decisions out and reports what came of them.

One user turn is in the making at a time, and at most one agent turn is alive:

    user:   idle -> speaking <-> paused -> ended -> (transcript) -> answered
    agent:  none -> speculative -> committed -> none
                         └─ discarded ─┘ └─ interrupted / failed / finished

Turns are answered in the order in which they ended, whatever order their transcripts come in. What cannot be answered
at once, because the user has begun to speak again or the agent may not be interrupted, waits and is answered together
with what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voicebot.settings import InterruptionSettings, SpeculationSettings

__all__ = [
    "CancelAgentTurn",
    "CancelReason",
    "CloseUtterance",
    "CommitAgentTurn",
    "HoldSpeech",
    "ReleaseSpeech",
    "StartAgentTurn",
    "Transcribe",
    "TurnDecision",
    "TurnManager",
    "UserTurnTaken",
]

CancelReason = Literal["discarded", "interrupted", "hung_up"]


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Make a final transcript of the user's turn so far; report it with this revision."""

    user_turn: int
    revision: int


@dataclass(frozen=True, slots=True)
class UserTurnTaken:
    """The user said this, for good: it belongs in the history."""

    user_turn: int
    text: str


@dataclass(frozen=True, slots=True)
class StartAgentTurn:
    """Begin to answer behind the commit gate: nothing may be sent, no tool called."""

    agent_turn: int
    user_turn: int
    text: str
    """What the user said."""
    speculative: bool
    """The user may go on yet; otherwise `UserTurnTaken` has come before and `CommitAgentTurn` follows."""


@dataclass(frozen=True, slots=True)
class CommitAgentTurn:
    """The gate opens."""

    agent_turn: int


@dataclass(frozen=True, slots=True)
class CancelAgentTurn:
    """Cancel its scope whole, and whatever the transport still holds of it."""

    agent_turn: int
    reason: CancelReason


@dataclass(frozen=True, slots=True)
class HoldSpeech:
    """Stop sending for now, keeping the place."""

    agent_turn: int


@dataclass(frozen=True, slots=True)
class ReleaseSpeech:
    """Go on from the same sample."""

    agent_turn: int


@dataclass(frozen=True, slots=True)
class CloseUtterance:
    """The user's turn needs no more audio; drop the recogniser's."""

    user_turn: int


TurnDecision = (
    Transcribe
    | UserTurnTaken
    | StartAgentTurn
    | CommitAgentTurn
    | CancelAgentTurn
    | HoldSpeech
    | ReleaseSpeech
    | CloseUtterance
)


@dataclass(slots=True)
class _UserTurn:
    number: int
    heard_ms: float = 0.0
    """Speech in it so far, pauses not counted."""
    revision: int = 0
    """Of the transcript asked for last; 0 while none covers all the speech."""
    text: str | None = None
    """The transcript of that revision, once it has come."""


@dataclass(slots=True)
class _AgentTurn:
    number: int
    user_turn: int
    committed: bool = False
    held: bool = False


class TurnManager:
    """Feed it what happens, in order; carry out what it decides, in order."""

    def __init__(self, interruption: InterruptionSettings, speculation: SpeculationSettings) -> None:
        self._interruption = interruption
        self._speculation = speculation
        self._users = 0
        self._agents = 0
        self._revisions = 0
        self._user: _UserTurn | None = None
        self._ending: list[_UserTurn] = []
        self._agent: _AgentTurn | None = None
        self._waiting: list[str] = []
        self._waiting_for = 0
        self._hung_up = False

    @property
    def agent_turn(self) -> int | None:
        """The id of the agent turn that is alive."""
        return self._agent.number if self._agent else None

    @property
    def user_turn(self) -> int | None:
        """The number of the user turn in the making."""
        return self._user.number if self._user else None

    @property
    def thinking(self) -> bool:
        """Whether the user has finished and an answer is owed or under way."""
        return bool(self._ending) or (self._agent is not None and self._agent.committed)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way on either side."""
        return not (self._user or self._ending or self._agent or self._waiting)

    # --- the user -------------------------------------------------------------------------------------------------

    def speech_started(self, already_ms: float = 0.0) -> list[TurnDecision]:
        """The user begins a turn, having spoken for `already_ms`."""
        if self._hung_up or self._user is not None:
            return []
        self._users += 1
        self._user = _UserTurn(self._users, heard_ms=already_ms)
        return [*self._hold(), *self._interrupt_if_confirmed()]

    def speech_continued(self, ms: float) -> list[TurnDecision]:
        """The user has spoken for another `ms`."""
        if self._user is None:
            return []
        self._user.heard_ms += ms
        return self._interrupt_if_confirmed()

    def speech_resumed(self) -> list[TurnDecision]:
        """The user goes on after a pause inside the turn."""
        user = self._user
        if user is None:
            return []
        user.revision, user.text = 0, None
        return [*self._discard_speculation(user), *self._hold(), *self._interrupt_if_confirmed()]

    def pause_lasted(self) -> list[TurnDecision]:
        """The user has been silent for the time after which to speculate."""
        user = self._user
        if user is None:
            return []
        if self._awaits_confirmation():
            # A cough, or a word of agreement so far: the agent goes on.
            return self._release()
        if not self._speculation.enabled or user.revision:
            return []
        return self._transcribe(user)

    def user_turn_ended(self) -> list[TurnDecision]:
        """The silence was long enough."""
        user, self._user = self._user, None
        if user is None:
            return []
        if self._awaits_confirmation():
            return [*self._release(), CloseUtterance(user.number)]
        self._ending.append(user)
        decisions = self._transcribe(user) if user.revision == 0 else []
        return [*decisions, *self._take_ended()]

    def transcribed(self, revision: int, text: str) -> list[TurnDecision]:
        """The final transcript of this revision; "" where there were no words."""
        turns = [*self._ending, *([self._user] if self._user else [])]
        user = next((turn for turn in turns if turn.revision == revision), None)
        if user is None or user.revision == 0 or user.text is not None:
            return []
        user.text = text.strip()
        if user is not self._user:
            return self._take_ended()
        if user.text and self._agent is None and not self._ending and not self._waiting:
            return [self._start(user.number, user.text, speculative=True)]
        return []

    # --- the agent ------------------------------------------------------------------------------------------------

    def begin_greeting(self) -> int:
        """The agent speaks first: the id of its turn, committed from the start."""
        self._agents += 1
        self._agent = _AgentTurn(self._agents, user_turn=0, committed=True)
        return self._agents

    def agent_finished(self, agent_turn: int) -> list[TurnDecision]:
        """All of the turn was played, or it failed; a stale id changes nothing."""
        if self._agent is None or self._agent.number != agent_turn:
            return []
        # Where a speculative turn failed, the real one is made when the user's turn ends.
        self._agent = None
        return self._answer_waiting()

    def hang_up(self) -> list[TurnDecision]:
        """The call is over: nothing is answered any more."""
        self._hung_up = True
        decisions: list[TurnDecision] = []
        if self._agent is not None:
            decisions.append(CancelAgentTurn(self._agent.number, "hung_up"))
        decisions += [CloseUtterance(user.number) for user in (*self._ending, self._user) if user is not None]
        self._agent = self._user = None
        self._ending.clear()
        self._waiting.clear()
        return decisions

    # --- inside ---------------------------------------------------------------------------------------------------

    def _awaits_confirmation(self) -> bool:
        """Whether the agent has the floor and the user has not taken it yet."""
        return self._interruption.enabled and self._agent is not None and self._agent.committed

    def _interrupt_if_confirmed(self) -> list[TurnDecision]:
        user = self._user
        if user is None or not self._awaits_confirmation() or user.heard_ms < self._interruption.confirm_ms:
            return []
        assert self._agent is not None
        cancelled, self._agent = self._agent, None
        return [CancelAgentTurn(cancelled.number, "interrupted")]

    def _hold(self) -> list[TurnDecision]:
        if not self._awaits_confirmation() or self._agent is None or self._agent.held:
            return []
        self._agent.held = True
        return [HoldSpeech(self._agent.number)]

    def _release(self) -> list[TurnDecision]:
        if self._agent is None or not self._agent.held:
            return []
        self._agent.held = False
        return [ReleaseSpeech(self._agent.number)]

    def _discard_speculation(self, user: _UserTurn) -> list[TurnDecision]:
        agent = self._agent
        if agent is None or agent.committed or agent.user_turn != user.number:
            return []
        self._agent = None
        return [CancelAgentTurn(agent.number, "discarded")]

    def _transcribe(self, user: _UserTurn) -> list[TurnDecision]:
        self._revisions += 1
        user.revision = self._revisions
        return [Transcribe(user.number, user.revision)]

    def _start(self, user_turn: int, text: str, *, speculative: bool) -> StartAgentTurn:
        self._agents += 1
        self._agent = _AgentTurn(self._agents, user_turn, committed=not speculative)
        return StartAgentTurn(self._agents, user_turn, text, speculative)

    def _take_ended(self) -> list[TurnDecision]:
        """Take the turns that are over and whose words are known, oldest first."""
        decisions: list[TurnDecision] = []
        while self._ending and self._ending[0].text is not None:
            decisions += self._take(self._ending.pop(0))
        return [*decisions, *self._answer_waiting()]

    def _take(self, user: _UserTurn) -> list[TurnDecision]:
        decisions: list[TurnDecision] = [CloseUtterance(user.number)]
        if not user.text:
            return decisions
        decisions.append(UserTurnTaken(user.number, user.text))
        agent = self._agent
        if agent is not None and not agent.committed and agent.user_turn == user.number:
            agent.committed = True
            return [*decisions, CommitAgentTurn(agent.number)]
        self._waiting.append(user.text)
        self._waiting_for = user.number
        return decisions

    def _answer_waiting(self) -> list[TurnDecision]:
        # While the user speaks, or more of their words are on the way, the answer would come too early.
        if not self._waiting or self._agent is not None or self._user is not None or self._ending:
            return []
        text = " ".join(self._waiting)
        self._waiting.clear()
        start = self._start(self._waiting_for, text, speculative=False)
        return [start, CommitAgentTurn(start.agent_turn)]
