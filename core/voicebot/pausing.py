"""The pauses of a user: the end-of-turn model is asked about each, its words are weighed, and what it was is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from voicebot.clock import now
from voicebot.endpointing import EndpointDecision, SpeechPaused, SpeechResumed, UserTurnEnded
from voicebot.engines import Engine, within
from voicebot.errors import EngineError
from voicebot.events import PauseJudged
from voicebot.hearing import Hearing
from voicebot.interfaces import EndOfTurn, TurnContext
from voicebot.language.endings import Ending, ending
from voicebot.logs import in_turn
from voicebot.telling import Telling

__all__ = ["WAIT_FOR_TEXT_S", "Pausing"]

WAIT_FOR_TEXT_S = 0.15
"""How long the model is asked later than at the first silence, where the transcript is on its way."""


@dataclass(slots=True)
class _Pause:
    pause_id: int
    turn_id: int
    speech_end_s: float
    """On the clock."""
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    text: str | None = None
    text_ms: float | None = None
    ending: Ending = "unknown"
    asked_again_without_text: bool = False
    has_text: asyncio.Event = field(default_factory=asyncio.Event)

    def lasted_ms(self) -> float:
        return round((now() - self.speech_end_s) * 1000, 1)


class Pausing:
    """What is known of the pause that the user makes now.

    Args:
        group: owns the tasks.
        engine: the end-of-turn model.
        deadline_s: after which its verdict comes too late: then the longest wait holds.
        on_decisions: called with what a verdict decided.
        on_failure: called with what the model did wrong.
    """

    def __init__(
        self,
        *,
        group: asyncio.TaskGroup,
        engine: Engine[EndOfTurn],
        deadline_s: float,
        language: str,
        hearing: Hearing,
        telling: Telling,
        on_decisions: Callable[[list[EndpointDecision]], None],
        on_failure: Callable[[EngineError], None],
    ) -> None:
        self._group = group
        self._engine = engine
        self._deadline_s = deadline_s
        self._language = language
        self._hearing = hearing
        self._telling = telling
        self._on_decisions = on_decisions
        self._on_failure = on_failure
        self._pause: _Pause | None = None
        self._revision: tuple[int, int] | None = None

    def begin(self, paused: SpeechPaused, turn_id: int) -> None:
        """The user has fallen silent."""
        self._pause = _Pause(paused.pause_id, turn_id, self._hearing.clock_at(paused.speech_end_s))

    def ask(self, pause_id: int, interim_text: str) -> None:
        """Ask the model about it; without a transcript of this pause, with the latest interim one."""
        if self._pause is not None:
            with in_turn(self._pause.turn_id):
                self._group.create_task(self._ask(pause_id, interim_text), name="end of turn")

    def await_text(self, revision: int) -> None:
        """This revision of the transcript is on its way: the turn does not end without it."""
        pause_id = self._hearing.endpointing.pause_id
        if pause_id is not None:
            self._revision = (revision, pause_id)
            self._hearing.endpointing.await_text(pause_id)

    def transcribed(self, revision: int, text: str) -> list[EndpointDecision]:
        """The transcript has come."""
        if self._revision is None or self._revision[0] != revision:
            return []
        pause_id, self._revision = self._revision[1], None
        last_words = ending(text, self._language)
        pause = self._pause
        if pause is not None and pause.pause_id == pause_id:
            pause.text, pause.text_ms, pause.ending = text, pause.lasted_ms(), last_words
            pause.has_text.set()
            if pause.asked_again_without_text:
                self.ask(pause_id, text)
        return self._hearing.endpointing.on_text(pause_id, last_words)

    def over(self, decision: SpeechResumed | UserTurnEnded) -> None:
        """The user goes on, or their turn has ended with it."""
        pause, self._pause = self._pause, None
        if pause is None:
            return
        self._telling.emit(
            PauseJudged(
                now(),
                pause.turn_id,
                speech_end_s=pause.speech_end_s,
                ended=isinstance(decision, UserTurnEnded),
                silence_ms=round((decision.at_s - decision.speech_end_s) * 1000, 1),
                delay_ms=round(decision.delay_s * 1000, 1),
                verdicts=pause.verdicts,
                text=pause.text or "",
                text_ms=pause.text_ms,
                ending=pause.ending,
            )
        )

    async def _ask(self, pause_id: int, interim_text: str) -> None:
        pause = self._pause
        if pause is None or pause.pause_id != pause_id:
            return
        if not pause.verdicts and self._hearing.endpointing.awaits_text:
            # The words make for a better verdict, and the recogniser is sooner done when it has the cores for itself.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pause.has_text.wait(), WAIT_FOR_TEXT_S)
            if self._pause is not pause:
                return
        text = interim_text if pause.text is None else pause.text
        pause.asked_again_without_text = bool(pause.verdicts) and pause.text is None
        context = TurnContext(self._hearing.turn_context(), text)
        engine = self._engine
        try:
            verdict = await within(engine, engine.provider.predict(context), self._deadline_s, "verdict")
        except EngineError as error:
            # Without a verdict the longest wait holds: the turn still ends.
            self._on_failure(error)
            return
        pause.verdicts.append(
            {
                "at_ms": pause.lasted_ms(),
                "delay_ms": verdict.delay_ms,
                "probability": None if verdict.probability is None else round(verdict.probability, 3),
            }
        )
        self._on_decisions(self._hearing.endpointing.on_verdict(pause_id, verdict.delay_ms, verdict.again_ms))
