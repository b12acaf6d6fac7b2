"""Whose go it is: a pure state machine over speech, transcripts and playout.

It owns the ids. Every user turn has a number, counted from 1; every agent turn has one of its own that is never used
again, so whatever still carries the id of a cancelled turn can be told from what is current. The session carries the
decisions out and reports what came of them.

One user turn is in the making at a time, and at most one agent turn is alive:

    user:   idle ─> speaking <─> paused ─> ended ─> (transcript) ─> taken, answered
              ^        └───────────┴─────────┴─> dismissed: never happened
              └─ speech that goes on after a dismissal in a pause is a new turn

    agent:  none ─> speculative ─> committed: thinking ─> audible ─> none (finished, failed)
                         │             └───────┬─────────────┘
                     discarded          held <─┴─> released
                                         └─> interrupted

Interruption. A user turn that begins while a committed agent turn is alive holds it, and awaits confirmation: an
`InterruptionJudge` is asked as they speak, at every interim transcript and, at a pause, once the transcript has come.
It drops the agent turn, which makes the user's an ordinary one, or it dismisses the user's, and the agent goes on. A
committed agent turn is held exactly while there are turns that await confirmation. Where the interruption comes to
nothing (no words) and the answer that it dropped had not been heard, that answer is made anew.

Speculation. An answer begins behind the commit gate once two interim transcripts in a row say the same, or one is a
whole sentence after which the voice has faded, or with the transcript at a pause. It lives as long as later transcripts
agree with it; the final one decides. That the detector flickers costs nothing: only speech that has gone on for longer
than `min_speech_ms` after a pause discards it.

Turns are answered in the order in which they ended, whatever order their transcripts come in. What cannot be answered
at once, because the user has begun to speak again or the agent may not be interrupted, waits and is answered together
with what follows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from voicebot.interrupting import DismissalReason, InterruptionJudge, InterruptionReason, Sound
from voicebot.language.same import same, words
from voicebot.settings import InterruptionSettings, SpeculationSettings

__all__ = [
    "CancelAgentTurn",
    "CancelReason",
    "CloseUtterance",
    "CommitAgentTurn",
    "HoldSpeech",
    "InterruptionDecided",
    "OpenUtterance",
    "ReleaseSpeech",
    "StartAgentTurn",
    "Transcribe",
    "TurnDecision",
    "TurnManager",
    "UserTurnTaken",
]

CLAUSES_REMEMBERED = 3
"""An echo is of the clause that plays, or of one that has just ended."""

CancelReason = Literal["discarded", "interrupted", "hung_up"]


@dataclass(frozen=True, slots=True)
class OpenUtterance:
    """A user turn begins: recognise it, from a little before the speech was noticed."""

    user_turn: int


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
class InterruptionDecided:
    """What the user said while the agent had the floor was an interruption, or was not; for telling.

    `CancelAgentTurn` follows where it was; else `ReleaseSpeech`, unless another user turn holds the agent yet.
    """

    agent_turn: int
    user_turn: int
    interrupted: bool
    why: InterruptionReason | DismissalReason
    speech_ms: float
    text: str
    """What was recognised by then."""


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
    """The user's turn needs no more audio; drop the recogniser's. One for every `OpenUtterance`."""

    user_turn: int


TurnDecision = (
    OpenUtterance
    | Transcribe
    | UserTurnTaken
    | StartAgentTurn
    | CommitAgentTurn
    | CancelAgentTurn
    | InterruptionDecided
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
    confidence: float | None = None
    interim: str = ""
    resumed_ms: float | None = None
    """Speech since a pause; None before one, and once the next one has lasted."""
    may_speculate: bool = True


@dataclass(slots=True)
class _AgentTurn:
    number: int
    user_turn: int
    """0 for the greeting."""
    text: str
    """What it answers."""
    committed: bool
    audible: bool = False
    held: bool = False
    said: deque[str] = field(default_factory=lambda: deque(maxlen=CLAUSES_REMEMBERED))


class TurnManager:
    """Feed it what happens, in order; carry out what it decides, in order.

    Args:
        judge: what interrupts the agent.
        min_speech_ms: speech shorter than this may be the detector's flicker.
    """

    def __init__(
        self,
        interruption: InterruptionSettings,
        speculation: SpeculationSettings,
        judge: InterruptionJudge,
        *,
        min_speech_ms: float = 96.0,
    ) -> None:
        self._interruption = interruption
        self._speculation = speculation
        self._judge = judge
        self._min_speech_ms = min_speech_ms
        self._speculation_allowed = True
        self._users = 0
        self._agents = 0
        self._revisions = 0
        self._user: _UserTurn | None = None
        self._resumed_ms: float | None = None  # speech that goes on after its turn was dismissed
        self._ending: list[_UserTurn] = []
        self._agent: _AgentTurn | None = None
        self._waiting: list[str] = []
        self._waiting_for = 0
        self._unheard: _AgentTurn | None = None  # interrupted before its first sample
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
    def may_be_interrupted(self) -> bool:
        """Whether the agent has the floor, and the user, who has not taken it yet, may.

        An agent turn is only ever committed while there is no user turn: those that there are now came after it.
        """
        return self._interruption.enabled and self._agent is not None and self._agent.committed

    @property
    def holds(self) -> bool:
        """Whether the agent is held while it is judged what the user said."""
        return self._agent is not None and self._agent.held

    @property
    def thinking(self) -> bool:
        """Whether the user has finished and an answer is owed or under way."""
        return bool(self._ending) or (self._agent is not None and self._agent.committed)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way on either side."""
        return not (self._user or self._ending or self._agent or self._waiting or self._unheard)

    # --- the user -------------------------------------------------------------------------------------------------

    def speech_started(self, already_ms: float = 0.0) -> list[TurnDecision]:
        """The user begins a turn, having spoken for `already_ms`."""
        if self._hung_up or self._user is not None:
            return []
        return self._open(already_ms)

    def speech_continued(self, ms: float) -> list[TurnDecision]:
        """The user has spoken for another `ms`; to be told whether there is a `user_turn` or not."""
        user = self._user
        if user is None:
            if self._resumed_ms is None:
                return []
            self._resumed_ms += ms
            return self._open(self._resumed_ms) if self._resumed_ms >= self._min_speech_ms else []
        user.heard_ms += ms
        decisions = self._judge_sound(user)
        if user.resumed_ms is not None:
            user.resumed_ms += ms
            if user.resumed_ms > self._min_speech_ms:
                # Once: what is begun from here on knows of the speech that followed.
                user.resumed_ms = None
                decisions += self._discard_speculation(user)
        return decisions

    def speech_resumed(self) -> list[TurnDecision]:
        """The user goes on after a pause inside the turn."""
        user = self._user
        if user is not None:
            # No transcript covers all the speech any more.
            user.revision, user.text = 0, None
            user.resumed_ms = user.resumed_ms or 0.0
        elif not self._hung_up:
            self._resumed_ms = self._resumed_ms or 0.0
        return []

    def pause_lasted(self) -> list[TurnDecision]:
        """The user has been silent for long enough that what they said so far is worth a transcript."""
        self._resumed_ms = None
        user = self._user
        if user is None:
            return []
        user.resumed_ms = None
        if user.revision or not (self._speculation.enabled or self.may_be_interrupted):
            return []
        return self._transcribe(user)

    def user_turn_ended(self) -> list[TurnDecision]:
        """The silence was long enough."""
        self._resumed_ms = None
        user, self._user = self._user, None
        if user is None:
            return []
        self._ending.append(user)
        decisions = self._transcribe(user) if user.revision == 0 else []
        return [*decisions, *self._take_ended()]

    def interim(self, user_turn: int, text: str, *, whole: bool = False) -> list[TurnDecision]:
        """The transcript of the turn so far, which may change yet; one of a turn that is over changes nothing.

        Args:
            whole: it is a whole sentence, after which the voice has faded.
        """
        user = next((turn for turn in self._open_turns() if turn.number == user_turn), None)
        if user is None or user.text is not None:
            return []
        before, user.interim = user.interim, text.strip()
        decisions = self._judge_sound(user)
        if user is not self._user or not words(user.interim):
            return decisions
        if self._speculates_on(user):
            if self._agent is not None and same(self._agent.text, user.interim):
                return []
            decisions += self._discard_speculation(user)
        if self._speculation.on_interims and (whole or same(before, user.interim)):
            decisions += self._speculate(user, user.interim)
        return decisions

    def transcribed(self, revision: int, text: str, confidence: float | None = None) -> list[TurnDecision]:
        """The final transcript of this revision; "" where there were no words, or recognition failed.

        Args:
            confidence: the recogniser's, 0 to 1, where it gives one.
        """
        user = next((turn for turn in self._open_turns() if turn.revision == revision), None)
        if user is None or user.revision == 0 or user.text is not None:
            return []
        user.text = text.strip()
        user.confidence = confidence
        decisions = self._judge_sound(user, final=True)
        if user is self._user:
            return [*decisions, *self._speculate(user, user.text)]
        return [*decisions, *self._take_ended()]

    # --- the agent ------------------------------------------------------------------------------------------------

    def begin_greeting(self) -> int:
        """The agent speaks first: the id of its turn, committed from the start."""
        self._agents += 1
        self._agent = _AgentTurn(self._agents, user_turn=0, text="", committed=True)
        return self._agents

    def agent_audible(self, agent_turn: int) -> list[TurnDecision]:
        """The first audible sample of the turn was sent; here and below, a stale id changes nothing."""
        if self._agent is not None and self._agent.number == agent_turn:
            self._agent.audible = True
        return []

    def agent_says(self, agent_turn: int, text: str) -> list[TurnDecision]:
        """A clause begins to play."""
        if self._agent is not None and self._agent.number == agent_turn:
            self._agent.said.append(text)
        return []

    def agent_finished(self, agent_turn: int) -> list[TurnDecision]:
        """All of the turn was played, or it failed."""
        if self._agent is None or self._agent.number != agent_turn:
            return []
        if self._user is not None and self._speculates_on(self._user):
            # What failed is not tried again and again: the real answer is made when the user's turn ends.
            self._user.may_speculate = False
        self._agent = None
        return self._answer_waiting()

    # --- the call -------------------------------------------------------------------------------------------------

    def allow_speculation(self, allowed: bool) -> None:
        """Whether there is headroom for another speculative answer; one that is under way goes on."""
        self._speculation_allowed = allowed

    def hang_up(self) -> list[TurnDecision]:
        """The call is over: nothing is answered any more."""
        self._hung_up = True
        decisions: list[TurnDecision] = []
        if self._agent is not None:
            decisions.append(CancelAgentTurn(self._agent.number, "hung_up"))
        decisions += [CloseUtterance(user.number) for user in self._open_turns()]
        self._agent = self._user = self._unheard = self._resumed_ms = None
        self._ending.clear()
        self._waiting.clear()
        return decisions

    # --- inside: the floor ----------------------------------------------------------------------------------------

    def _open_turns(self) -> list[_UserTurn]:
        return [*self._ending, *([self._user] if self._user else [])]

    def _open(self, heard_ms: float) -> list[TurnDecision]:
        self._resumed_ms = None
        self._users += 1
        user = self._user = _UserTurn(self._users, heard_ms=heard_ms)
        return [OpenUtterance(user.number), *self._hold(), *self._judge_sound(user)]

    def _judge_sound(self, user: _UserTurn, *, final: bool = False) -> list[TurnDecision]:
        agent = self._agent
        if agent is None or not self.may_be_interrupted:
            return []
        text = user.text if final else user.interim or None
        judged = self._judge.judge(
            Sound(
                user.heard_ms,
                text,
                final,
                agent.audible,
                " ".join(agent.said),
                user.confidence if final else None,
            )
        )
        if judged is None:
            return []
        decided = InterruptionDecided(
            agent.number, user.number, judged.interrupts, judged.why, user.heard_ms, text or ""
        )
        if judged.interrupts:
            self._agent = None
            if agent.user_turn and not agent.audible:
                self._unheard = agent
            return [decided, CancelAgentTurn(agent.number, "interrupted")]
        if user is self._user:
            self._user = None
        else:
            self._ending.remove(user)
        return [decided, *self._release(), CloseUtterance(user.number)]

    def _hold(self) -> list[TurnDecision]:
        if not self.may_be_interrupted or self._agent is None or self._agent.held:
            return []
        self._agent.held = True
        return [HoldSpeech(self._agent.number)]

    def _release(self) -> list[TurnDecision]:
        if self._agent is None or not self._agent.held or self._open_turns():
            return []
        self._agent.held = False
        return [ReleaseSpeech(self._agent.number)]

    # --- inside: transcripts and answers --------------------------------------------------------------------------

    def _transcribe(self, user: _UserTurn) -> list[TurnDecision]:
        self._revisions += 1
        user.revision = self._revisions
        return [Transcribe(user.number, user.revision)]

    def _speculates_on(self, user: _UserTurn) -> bool:
        agent = self._agent
        return agent is not None and not agent.committed and agent.user_turn == user.number

    def _speculate(self, user: _UserTurn, text: str) -> list[TurnDecision]:
        """These are the words of the user in the making, so far."""
        decisions: list[TurnDecision] = []
        if self._speculates_on(user) and self._agent is not None:
            if same(self._agent.text, text):
                return []
            decisions = self._discard_speculation(user)
        allowed = self._speculation.enabled and self._speculation_allowed and user.may_speculate
        if text and allowed and self._agent is None and not self._ending and not self._waiting:
            decisions.append(self._start(user.number, text, speculative=True))
        return decisions

    def _discard_speculation(self, user: _UserTurn) -> list[TurnDecision]:
        if not self._speculates_on(user) or self._agent is None:
            return []
        discarded, self._agent = self._agent, None
        return [CancelAgentTurn(discarded.number, "discarded")]

    def _start(self, user_turn: int, text: str, *, speculative: bool) -> StartAgentTurn:
        self._agents += 1
        self._agent = _AgentTurn(self._agents, user_turn, text, committed=not speculative)
        return StartAgentTurn(self._agents, user_turn, text, speculative)

    def _take_ended(self) -> list[TurnDecision]:
        """Take the turns that are over and whose words are known, oldest first."""
        decisions: list[TurnDecision] = []
        while self._ending and self._ending[0].text is not None:
            decisions += self._take(self._ending.pop(0))
        return [*decisions, *self._answer_waiting()]

    def _take(self, user: _UserTurn) -> list[TurnDecision]:
        decisions: list[TurnDecision] = [CloseUtterance(user.number)]
        agent = self._agent
        if not user.text:
            return [*decisions, *self._discard_speculation(user)]
        # Whoever answers this sees in the history what the interrupted answer was to.
        self._unheard = None
        taken = UserTurnTaken(user.number, user.text)
        if agent is not None and self._speculates_on(user):
            if same(agent.text, user.text) and not self._open_turns():
                agent.committed = True
                return [*decisions, taken, CommitAgentTurn(agent.number)]
            decisions += self._discard_speculation(user)
        self._waiting.append(user.text)
        self._waiting_for = user.number
        return [*decisions, taken]

    def _answer_waiting(self) -> list[TurnDecision]:
        # While the user speaks, or more of their words are on the way, the answer would come too early.
        if self._agent is not None or self._open_turns():
            return []
        if self._waiting:
            start = self._start(self._waiting_for, " ".join(self._waiting), speculative=False)
            self._waiting.clear()
        elif self._unheard is not None:
            start = self._start(self._unheard.user_turn, self._unheard.text, speculative=False)
            self._unheard = None
        else:
            return []
        return [start, CommitAgentTurn(start.agent_turn)]
