"""The agent's side of a session: at most one answer at a time, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from voicebot.agent_turn import AgentTurn
from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.echo import EchoCheck
from voicebot.engines import Engine, Engines
from voicebot.errors import EngineError
from voicebot.events import (
    AgentClause,
    AgentTurnEnded,
    AgentTurnStarted,
    SpeculationDiscarded,
    ToolCalled,
    TurnMeasured,
)
from voicebot.history import ChatHistory
from voicebot.interfaces import ChatMessage, Connection, Transport
from voicebot.logs import in_turn
from voicebot.report import CallReport, TurnRecord
from voicebot.settings import SessionSettings
from voicebot.speculating import Waste
from voicebot.speech.playback import Playback
from voicebot.telling import Telling
from voicebot.timeline import Budget, Timeline
from voicebot.tools import ToolEvent, ToolRunner
from voicebot.turns import CancelReason

__all__ = ["Answering"]


@dataclass(slots=True)
class _Answer:
    turn: AgentTurn
    record: TurnRecord
    answers: str
    task: asyncio.Task[None] | None = None


class Answering:
    """Starts, commits and cancels agent turns, and settles what was heard of them.

    Args:
        group: owns the turns' tasks.
        echo: is told what the listener is played.
        on_over: called with the agent turn's id when it has finished or failed (not when it was cancelled), and the
            exchange that is owed an apology, or None.
        on_failure: called with whatever an engine did wrong, and the exchange it spoilt.
        on_clause: called with the agent turn's id and a clause that begins to play.
        on_audible: called with the agent turn's id when the listener begins to hear it.
        on_waste: called with the cost of an answer that was prepared in vain.
        tools: what the language model may call.
    """

    def __init__(
        self,
        *,
        group: asyncio.TaskGroup,
        settings: SessionSettings,
        engines: Engines,
        transport: Engine[Transport],
        connection: Connection,
        telling: Telling,
        report: CallReport,
        echo: EchoCheck | None,
        on_over: Callable[[int, TurnRecord | None], None],
        on_failure: Callable[[EngineError, int], None],
        on_clause: Callable[[int, str], None],
        on_audible: Callable[[int], None],
        on_waste: Callable[[Waste], None],
        tools: ToolRunner | None = None,
    ) -> None:
        agent = settings.agent
        self.history = ChatHistory(
            agent.system_prompt, agent.history_turns, cut_off_mark=settings.interruption.mark
        )
        self.playback = Playback(connection, transport, echo)
        self._group = group
        self._settings = settings
        self._engines = engines
        self._telling = telling
        self._report = report
        self._on_over = on_over
        self._on_failure = on_failure
        self._on_clause = on_clause
        self._on_audible = on_audible
        self._on_waste = on_waste
        self._tools = tools
        self._budget = Budget(settings.budget)
        self._answer: _Answer | None = None

    @property
    def audible(self) -> bool:
        """Whether the listener is hearing an answer."""
        return self._answer is not None and self._answer.turn.audible

    def exchange(self, number: int) -> int:
        """The number of the exchange that an agent turn answers; 0 for the greeting, and where it is over."""
        answer = self._current(number)
        return 0 if answer is None else answer.record.number

    def start(
        self,
        number: int,
        record: TurnRecord,
        *,
        messages: Sequence[ChatMessage] = (),
        text: str = "",
        audio: AudioChunk | None = None,
        answers: str = "",
    ) -> None:
        """Begin an answer behind the commit gate: to these messages, or with this text.

        Args:
            answers: what the user is thought to have said.
        """
        timeline = Timeline()
        record.stamp_recognition(timeline)
        turn = AgentTurn(
            number,
            engines=self._engines,
            playback=self.playback,
            speech=self._settings.speech,
            deadlines=self._settings.deadlines,
            language=self._settings.agent.language,
            timeline=timeline,
            on_clause=lambda text: self._clause_begins(number, text),
            on_audible=lambda: self._becomes_audible(number),
            messages=messages,
            text=text,
            audio=audio,
            tools=self._tools,
            on_tool=lambda event: self._tool_called(record, event),
        )
        answer = _Answer(turn, record, answers)
        self._answer = answer
        with in_turn(record.number):
            answer.task = self._group.create_task(self._run(answer), name=f"agent turn {number}")

    def commit(self, number: int) -> None:
        """Open the gate."""
        answer = self._current(number)
        if answer is None:
            return
        # One that was begun on an interim transcript has only now got its final one.
        answer.record.stamp_recognition(answer.turn.timeline)
        answer.record.stamp_end_of_turn(answer.turn.timeline)
        self.playback.admit(number)
        answer.turn.commit()
        self._telling.emit(AgentTurnStarted(now(), answer.record.number))

    def cancel(self, number: int, reason: CancelReason) -> None:
        """Stop it whole, at once; what was heard of a committed one stays in the history."""
        answer = self._current(number)
        if answer is None or answer.task is None:
            return
        heard_samples = self.playback.cancel(number)
        answer.task.cancel()
        if reason == "discarded":
            self._answer = None
            self._discard(answer)
        else:
            self._settle(answer, "interrupted", answer.turn.ledger.heard_text(heard_samples))
        answer.turn.abandon()

    def _discard(self, answer: _Answer) -> None:
        turn, at_s = answer.turn, now()
        event = SpeculationDiscarded(
            at_s,
            answer.record.number,
            answer.answers,
            tokens=turn.deltas,
            audio_ms=round(turn.audio_ms, 1),
            ran_ms=round(turn.ran_ms, 1),
            cpu_ms=round(turn.cpu_ms, 1),
        )
        self._report.discarded(event)
        self._on_waste(Waste(at_s, event.tokens, event.cpu_ms / 1000))
        self._telling.emit(event)

    def _tool_called(self, record: TurnRecord, event: ToolEvent) -> None:
        record.tools.append({"name": event.name, "ms": round(event.ms, 1), "problem": event.problem})
        self._telling.emit(ToolCalled(now(), record.number, event.name, round(event.ms, 1), event.problem))

    def _clause_begins(self, number: int, text: str) -> None:
        # A turn that was cancelled runs on until its tasks notice.
        if (answer := self._current(number)) is not None:
            self._on_clause(number, text)
            self._telling.emit(AgentClause(now(), answer.record.number, text))

    def _becomes_audible(self, number: int) -> None:
        if self._current(number) is not None:
            self._on_audible(number)

    async def _run(self, answer: _Answer) -> None:
        turn = answer.turn
        owed: TurnRecord | None = None
        try:
            await turn.run()
        except EngineError as error:
            self._on_failure(error, answer.record.number)
            answer.record.errors.append(error.message)
            heard_samples = self.playback.cancel(turn.number)
            self._settle(answer, "failed", turn.ledger.heard_text(heard_samples))
            if turn.committed and error.kind in ("llm", "tts"):
                owed = answer.record
        else:
            self._settle(answer, "finished", turn.ledger.text)
        self._on_over(turn.number, owed)

    def _settle(
        self, answer: _Answer, reason: Literal["finished", "interrupted", "failed"], heard_text: str
    ) -> None:
        if self._answer is not answer:
            return
        self._answer = None
        turn, record = answer.turn, answer.record
        if turn.conversation is not None:
            self.history.add_tools(turn.conversation.remembered())
        self.history.add_agent(heard_text, cut_off=not turn.all_heard(heard_text))
        record.settle(turn, self._budget, reason=reason, heard_text=heard_text)
        for queue in (turn.clauses, turn.audio):
            self._report.add_queue(queue.name, queue.statistics)
        self._report.refused_packets = self.playback.refused
        at_s = now()
        self._telling.emit(AgentTurnEnded(at_s, record.number, turn.ledger.text, heard_text, reason))
        self._telling.emit(TurnMeasured(at_s, record.number, record.as_dict(self._report.answered_s)))

    def _current(self, number: int) -> _Answer | None:
        return self._answer if self._answer is not None and self._answer.turn.number == number else None
