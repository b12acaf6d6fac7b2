"""One call: engines, queues and state machines in one task group that ends with the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from voicebot.access.call_limits import CallLimits, LimitStep, limit_text
from voicebot.answering import Answering
from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.echo import EchoCheck
from voicebot.endpointing import (
    EndpointDecision,
    SpeculationDue,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechSuspected,
    SuspicionCleared,
    VerdictDue,
)
from voicebot.engines import Engine, Engines, blame
from voicebot.errors import EngineError, VoicebotError
from voicebot.events import (
    CallEnded,
    CallStarted,
    Event,
    InterruptionJudged,
    Limit,
    LimitReached,
    ProviderFailed,
    TurnHeard,
    UserSpeechStarted,
    UserSpeechStopped,
)
from voicebot.fallback import FallbackEvent, FallbackProvider
from voicebot.headroom import watch_idle
from voicebot.hearing import Heard, Hearing
from voicebot.interfaces import Connection, HeardReport, Transport
from voicebot.interrupting import judge_for
from voicebot.language.endings import ending
from voicebot.pausing import Pausing
from voicebot.queues import BoundedQueue
from voicebot.recognising import Recognising
from voicebot.report import CallReport, TurnRecord
from voicebot.settings import SessionSettings
from voicebot.speculating import Governor
from voicebot.tasks import task_group
from voicebot.telling import Telling
from voicebot.tools import ToolRunner
from voicebot.turns import (
    CancelAgentTurn,
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

__all__ = ["MIC_QUEUE_S", "Session"]

MIC_QUEUE_S = 1.0
LIMITS: dict[LimitStep, Limit] = {"time_is_up": "max_call_s", "goodbye": "idle_s"}


@dataclass(frozen=True, slots=True)
class _MicChunk:
    chunk: AudioChunk
    received_s: float


class Session:
    """Runs one call over one connection.

    Args:
        call_id: names the call in events and logs.
        engines: this call's for as long as it lasts; warmed up by the session if they are not.
        keep_engines: leave them open for the next call; else the session closes them.
        transport, connection: who carries the audio; the session closes the connection, not the transport.
        observe: called with every event, in order, off the audio path.
        watch_idle: measures the machine's headroom, as `voicebot.headroom.watch_idle` does.
        tools: what the language model may call.
        max_call_s: the longest that the call may be, where that is less than the settings say.
    """

    def __init__(
        self,
        call_id: str,
        *,
        settings: SessionSettings,
        engines: Engines,
        transport: Engine[Transport],
        connection: Connection,
        observe: Callable[[Event], None] = lambda event: None,
        keep_engines: bool = False,
        watch_idle: Callable[[Callable[[float], None]], Coroutine[Any, Any, None]] = watch_idle,
        tools: ToolRunner | None = None,
        max_call_s: float | None = None,
    ) -> None:
        self._max_call_s = max_call_s
        self._keep_engines = keep_engines
        self._watch_idle = watch_idle
        self._tools = tools
        self.report = CallReport(call_id)
        self._call_id = call_id
        self._settings = settings
        self._engines = engines
        self._transport = transport
        self._connection = connection
        self._telling = Telling(connection, observe)
        self._governor = Governor(settings.speculation)
        self._turns = TurnManager(
            settings.interruption,
            settings.speculation,
            judge_for(settings.interruption, settings.agent.language),
            min_speech_ms=settings.endpointing.min_speech_ms,
        )
        self._echo = (
            EchoCheck() if settings.interruption.enabled and settings.interruption.echo_check else None
        )
        self._opened: int | None = None
        self._apology: AudioChunk | None = None
        self._lost: set[int] = set()
        """User turns that could not be recognised."""
        self._mic = BoundedQueue[_MicChunk](
            "mic",
            MIC_QUEUE_S,
            unit="s",
            size=lambda item: item.chunk.duration_s,
            when_full="drop_oldest",
            on_overflow=lambda statistics: self._telling.overflowed("mic", statistics),
        )
        self._fatal: EngineError | None = None
        self._hung_up = False
        self._closing: Limit | None = None
        self._look_at_limits = asyncio.Event()

    @property
    def call_id(self) -> str:
        return self._call_id

    def say_goodbye(self, why: Limit = "drain_s") -> None:
        """End the call, with a word: the server stops, or a person wants that. Twice is fine."""
        self._closing = self._closing or why
        self._look_at_limits.set()

    async def run(self) -> CallReport:
        """Carry the call from warm-up until the user has gone. A session runs once.

        Raises:
            EngineError: an engine without which there is no call failed: one that did not warm up, the
                voice-activity detector, the transport.
        """
        self.report.started_s = now()
        ending: Literal["hung_up", "failed"] = "failed"
        try:
            async with task_group() as group:
                group.create_task(self._telling.run(), name="observers")
                try:
                    await self._call()
                    ending = "hung_up"
                except asyncio.CancelledError:
                    ending = "hung_up"
                    raise
                except EngineError as error:
                    self._fatal = error
                    self._failed(error)
                finally:
                    self.report.ended_s = now()
                    self._telling.become("ended")
                    self._telling.emit(CallEnded(now(), ending))
                    self._hear_of_fallbacks(lambda event: None)
                    self._telling.close()
        finally:
            for queue in (self._mic, self._telling.queue):
                self.report.add_queue(queue.name, queue.statistics)
            await self._close()
        if self._fatal is not None:
            raise self._fatal
        return self.report

    async def _call(self) -> None:
        self._telling.emit(CallStarted(now(), self._call_id))
        self._telling.become("warming_up")
        self._hear_of_fallbacks(self._fell_back)
        await self._engines.warmup(self._settings.deadlines.warmup_s)
        if self._engines.apology is not None:
            self._apology = await asyncio.to_thread(self._engines.apology.at, self._connection.sample_rate)
        self._hearing = Hearing(self._engines.vad, self._settings.endpointing, self._echo)
        async with task_group(cancel_on_exit=True) as self._group:
            self._recognising = Recognising(
                group=self._group,
                stt=self._engines.stt,
                deadlines=self._settings.deadlines,
                telling=self._telling,
                report=self.report,
                on_transcript=self._transcribed,
                on_interim=self._interim,
                on_failure=self._failed,
            )
            self._answering = Answering(
                group=self._group,
                settings=self._settings,
                engines=self._engines,
                transport=self._transport,
                connection=self._connection,
                telling=self._telling,
                report=self.report,
                echo=self._echo,
                on_over=self._answered,
                on_failure=self._failed,
                on_clause=lambda number, text: self._carry_out(self._turns.agent_says(number, text)),
                on_audible=lambda number: self._carry_out(self._turns.agent_audible(number)),
                on_waste=self._governor.dropped,
                tools=self._tools,
            )
            self._pausing = Pausing(
                group=self._group,
                engine=self._engines.turn,
                deadline_s=self._settings.deadlines.turn_verdict_ms / 1000,
                language=self._settings.agent.language,
                hearing=self._hearing,
                telling=self._telling,
                on_decisions=self._follow_all,
                on_failure=self._failed,
            )
            self.report.answered_s = now()
            self._group.create_task(self._receive(), name="receive")
            if self._settings.speculation.enabled:
                self._group.create_task(self._watch_idle(self._governor.measured), name="headroom")
            self._limits = CallLimits(self._settings.access, now(), self._max_call_s)
            self._greet()
            self._update_state()
            self._group.create_task(self._keep_limits(), name="limits")
            try:
                async for item in self._mic:
                    if self._limits.parting:
                        continue
                    for heard in self._hearing.feed(item.chunk, item.received_s):
                        self._hear(heard)
            finally:
                for decision in self._turns.hang_up():
                    if isinstance(decision, CancelAgentTurn):
                        self._answering.cancel(decision.agent_turn, decision.reason)
                await self._recognising.aclose()
        if self._fatal is not None:
            raise self._fatal

    async def _receive(self) -> None:
        try:
            with blame(self._transport):
                async for item in self._connection.receive():
                    if isinstance(item, HeardReport):
                        self._heard_at_the_ear(item)
                    elif not self._hung_up:
                        self._mic.put_nowait(_MicChunk(item, now()))
        except EngineError as error:
            self._fatal = error
        finally:
            self._mic.close()

    def _heard_at_the_ear(self, heard: HeardReport) -> None:
        # Counted once a turn, and only of a turn that there was: the far side is outside.
        for record in self.report.turns:
            if record.number == heard.turn_id and record.heard_ms is None:
                record.heard_ms = heard.voice_to_voice_ms
                self._telling.emit(TurnHeard(now(), heard.turn_id, heard.voice_to_voice_ms))

    def _greet(self) -> None:
        greeting = self._settings.agent.greeting.strip()
        if greeting:
            number, record = self._turns.begin_greeting(), TurnRecord(0)
            self.report.turns.append(record)
            self._answering.start(number, record, text=greeting)
            self._answering.commit(number)

    # --- limits ---------------------------------------------------------------------------------------------------

    async def _keep_limits(self) -> None:
        """Say what is to be said before a limit ends the call, and end it."""
        while True:
            if self._closing is not None:
                self._limits.close(now())
            step = self._limits.tick(now())
            if step is None:
                self._look_at_limits.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(self._limits.wake_at(now())):
                        await self._look_at_limits.wait()
                continue
            if step == "hang_up":
                self.hang_up()
                return
            if self._limits.parting:
                self._telling.emit(LimitReached(now(), LIMITS.get(step, self._closing or "drain_s")))
                self._carry_out(self._turns.hang_up())
            text = limit_text(step, self._settings.agent.language, self._settings.access.texts)
            if text:
                number = self._turns.begin_greeting()
                self._answering.start(number, TurnRecord(0), text=text)
                self._answering.commit(number)
            elif self._limits.parting:
                self.hang_up()
            self._update_state()

    def hang_up(self) -> None:
        """End the call from this side, at once. Twice is fine."""
        self._hung_up = True
        self._mic.close()

    # --- what happens ---------------------------------------------------------------------------------------------

    def _hear(self, heard: Heard) -> None:
        begun = False
        for decision in heard.decisions:
            begun = begun or isinstance(decision, SpeechStarted)
            self._follow(decision)
        if heard.speech_ms and not begun:
            self._carry_out(self._turns.speech_continued(heard.speech_ms))
        number = self._turns.user_turn
        if number is not None:
            # The preroll of a turn that has just begun ends with this window.
            fresh = number == self._opened
            self._recognising.push(number, self._hearing.preroll() if fresh else heard.window)
        self._opened = None
        self._update_state()

    def _follow(self, decision: EndpointDecision) -> None:
        turns = self._turns
        if isinstance(decision, SpeechSuspected):
            # To be sure takes a moment in which nobody should have to talk against the agent.
            if turns.may_be_interrupted:
                self._answering.playback.hold()
        elif isinstance(decision, SuspicionCleared):
            if not turns.holds:
                self._answering.playback.release()
        elif isinstance(decision, SpeechStarted):
            self._limits.user_spoke()
            self._telling.emit(UserSpeechStarted(now()))
            self._carry_out(turns.speech_started(self._settings.endpointing.min_speech_ms))
        elif isinstance(decision, SpeechPaused):
            self._pausing.begin(decision, turns.user_turn or 0)
        elif isinstance(decision, VerdictDue):
            self._pausing.ask(decision.pause_id, self._recognising.interim_text(turns.user_turn))
        elif isinstance(decision, SpeculationDue):
            self._carry_out(turns.pause_lasted())
        elif isinstance(decision, SpeechResumed):
            self._pausing.over(decision)
            self._carry_out(turns.speech_resumed())
        else:
            self._pausing.over(decision)
            if turns.user_turn is not None:
                record = self._recognising.record(turns.user_turn)
                record.speech_ended_s = self._hearing.clock_at(decision.speech_end_s)
                record.committed_s = now()
            self._telling.emit(UserSpeechStopped(now()))
            self._carry_out(turns.user_turn_ended())

    def _follow_all(self, decisions: list[EndpointDecision]) -> None:
        for decision in decisions:
            self._follow(decision)
        self._update_state()

    def _transcribed(self, revision: int, text: str, confidence: float | None) -> None:
        self._turns.allow_speculation(self._governor.allows(now()))
        self._carry_out(self._turns.transcribed(revision, text, confidence))
        self._follow_all(self._pausing.transcribed(revision, text))

    def _interim(self, user_turn: int, text: str, faded: bool) -> None:
        whole = faded and ending(text, self._settings.agent.language) == "complete"
        self._turns.allow_speculation(self._governor.allows(now()))
        self._carry_out(self._turns.interim(user_turn, text, whole=whole))
        self._update_state()

    def _answered(self, agent_turn: int, owed: TurnRecord | None) -> None:
        self._carry_out(self._turns.agent_finished(agent_turn))
        if self._limits.parting:
            self.hang_up()
        elif owed is not None:
            self._apologise(owed.number)
        self._update_state()

    def _apologise(self, exchange: int) -> None:
        """To a user who waits for an answer that will not come; not to one who speaks."""
        apology = self._engines.apology
        if apology is None or self._apology is None or not self._turns.idle:
            return
        number = self._turns.begin_greeting()
        self._answering.start(number, TurnRecord(exchange), text=apology.text, audio=self._apology)
        self._answering.commit(number)

    def _hear_of_fallbacks(self, tell: Callable[[FallbackEvent], None]) -> None:
        for engine in self._engines:
            if isinstance(engine.provider, FallbackProvider):
                engine.provider.on_fallback = tell

    def _fell_back(self, event: FallbackEvent) -> None:
        if event.stage != "warmup":
            answered = self._answering.exchange(self._turns.agent_turn or 0)
            event = replace(event, turn_id=self._turns.user_turn if event.kind == "stt" else answered)
        self.report.fallbacks.append(event)
        self._telling.emit(event)

    def _failed(self, error: EngineError, turn_id: int | None = None) -> None:
        self.report.errors.append(error)
        if error.kind == "stt" and turn_id is not None:
            self._lost.add(turn_id)
        self._telling.emit(
            ProviderFailed(now(), error.kind, error.plugin, error.distribution, error.message, turn_id)
        )

    # --- what is done about it ------------------------------------------------------------------------------------

    def _carry_out(self, decisions: list[TurnDecision]) -> None:
        answering, recognising = self._answering, self._recognising
        lost: int | None = None
        for decision in decisions:
            if isinstance(decision, OpenUtterance):
                recognising.begin(decision.user_turn)
                self._opened = decision.user_turn
            elif isinstance(decision, Transcribe):
                if decision.user_turn == self._turns.user_turn:
                    self._pausing.await_text(decision.revision)
                recognising.transcribe(decision.user_turn, decision.revision)
            elif isinstance(decision, UserTurnTaken):
                self._lost.discard(decision.user_turn)
                recognising.taken(decision.user_turn, decision.text)
                answering.history.add_user(decision.text)
            elif isinstance(decision, StartAgentTurn):
                pending = decision.text if decision.speculative else ""
                record = recognising.record(decision.user_turn)
                messages = answering.history.messages(pending)
                answering.start(decision.agent_turn, record, messages=messages, answers=decision.text)
            elif isinstance(decision, CommitAgentTurn):
                answering.commit(decision.agent_turn)
            elif isinstance(decision, CancelAgentTurn):
                answering.cancel(decision.agent_turn, decision.reason)
            elif isinstance(decision, InterruptionDecided):
                self._tell_of_interruption(decision)
            elif isinstance(decision, HoldSpeech):
                answering.playback.hold()
            elif isinstance(decision, ReleaseSpeech):
                answering.playback.release()
            else:
                recognising.close(decision.user_turn)
                if decision.user_turn in self._lost:
                    lost = decision.user_turn
        if lost is not None:
            self._apologise(lost)

    def _tell_of_interruption(self, decision: InterruptionDecided) -> None:
        at_s, held_since_s = now(), self._answering.playback.held_since_s
        event = InterruptionJudged(
            at_s,
            self._answering.exchange(decision.agent_turn),
            decision.interrupted,
            decision.why,
            speech_ms=round(decision.speech_ms, 1),
            text=decision.text,
            held_ms=0.0 if held_since_s is None else round((at_s - held_since_s) * 1000, 1),
        )
        self.report.judged(event)
        self._telling.emit(event)

    def _update_state(self) -> None:
        self._limits.quiet(self._turns.idle, now())
        if self._answering.audible:
            self._telling.become("agent_speaking")
        elif self._turns.user_turn is not None:
            self._telling.become("user_speaking")
        elif self._turns.thinking:
            self._telling.become("thinking")
        else:
            self._telling.become("listening")

    async def _close(self) -> None:
        try:
            with blame(self._transport):
                await self._connection.aclose()
        finally:
            try:
                if not self._keep_engines:
                    await self._engines.aclose()
            except VoicebotError as error:
                # The call is over and its report is good: a plugin that will not close must not cost that.
                self.report.errors.append(
                    error if isinstance(error, EngineError) else EngineError(error.message)
                )
