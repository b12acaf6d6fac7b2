"""The user's side of a session: the recognition of each user turn, from its first syllable to its transcript."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.engines import Engine
from voicebot.errors import EngineError
from voicebot.events import UserTranscript
from voicebot.interfaces import STT
from voicebot.logs import in_turn
from voicebot.queues import QueueStatistics
from voicebot.report import CallReport, TurnRecord
from voicebot.settings import DeadlineSettings
from voicebot.telling import Telling
from voicebot.user_turn import UserTurn

__all__ = ["Recognising"]

T = TypeVar("T")


class Recognising:
    """The user turns in the making.

    Args:
        group: owns the tasks.
        on_transcript: called with a revision, its text, "" where recognition failed, and the recogniser's confidence.
        on_interim: called with a turn's number, its text so far, and whether the speech had just faded.
        on_failure: called with whatever the recogniser did wrong.
    """

    def __init__(
        self,
        *,
        group: asyncio.TaskGroup,
        stt: Engine[STT],
        deadlines: DeadlineSettings,
        telling: Telling,
        report: CallReport,
        on_transcript: Callable[[int, str, float | None], None],
        on_interim: Callable[[int, str, bool], None],
        on_failure: Callable[[EngineError, int], None],
    ) -> None:
        self._group = group
        self._stt = stt
        self._deadlines = deadlines
        self._telling = telling
        self._report = report
        self._on_transcript = on_transcript
        self._on_interim = on_interim
        self._on_failure = on_failure
        self._turns: dict[int, UserTurn] = {}
        self._transcribing: dict[int, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._records: dict[int, TurnRecord] = {}

    def begin(self, number: int) -> None:
        self._records[number] = TurnRecord(number)
        self._turns[number] = UserTurn(
            number,
            self._stt,
            deadline_s=self._deadlines.stt_final_s,
            spawn=lambda work: self._spawn(number, work, f"utterance of turn {number}"),
            on_interim=lambda text, faded: self._interim(number, text, faded),
        )

    def _interim(self, number: int, text: str, faded: bool) -> None:
        self._telling.emit(UserTranscript(now(), number, text, final=False))
        self._on_interim(number, text, faded)

    def push(self, number: int, chunk: AudioChunk) -> None:
        self._turns[number].push(chunk)

    def interim_text(self, number: int | None) -> str:
        turn = self._turns.get(number) if number is not None else None
        return turn.interim_text if turn is not None else ""

    def record(self, number: int) -> TurnRecord:
        """What is known of the exchange that this turn began."""
        return self._records[number]

    def transcribe(self, number: int, revision: int) -> None:
        """Make a final transcript of the turn so far; `on_transcript` gets it, unless a later one is asked for."""
        if (earlier := self._transcribing.get(number)) is not None:
            earlier.cancel()
        task = self._spawn(number, self._transcribe(number, revision), f"transcribe turn {number}")
        self._transcribing[number] = task
        task.add_done_callback(lambda done: self._forget(number, done))

    def _spawn(self, number: int, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        with in_turn(number):
            return self._group.create_task(work, name=name)

    def _forget(self, number: int, task: asyncio.Task[None]) -> None:
        if self._transcribing.get(number) is task:
            del self._transcribing[number]

    def taken(self, number: int, text: str) -> TurnRecord:
        """The turn's words are final and in the history."""
        record = self._records[number]
        record.user_text = text
        self._report.turns.append(record)
        self._telling.emit(UserTranscript(now(), number, text, final=True))
        # Turns are taken in order: nobody asks for an older one again.
        for old in [n for n in self._records if n < number]:
            del self._records[old]
        return record

    def close(self, number: int) -> None:
        """The turn needs no more audio."""
        turn = self._turns.pop(number, None)
        if turn is not None:
            task = self._spawn(number, self._close(turn), f"close turn {number}")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Stop recognising altogether."""
        turns = list(self._turns.values())
        self._turns.clear()
        # Awaited here: the group that owns the tasks is about to cancel whatever still runs.
        await asyncio.gather(*self._closing, *(self._close(turn) for turn in turns))

    async def _transcribe(self, number: int, revision: int) -> None:
        record, turn = self._records.get(number), self._turns.get(number)
        if record is None or turn is None:
            return
        requested_s, text = now(), ""
        try:
            text = await turn.transcript()
        except EngineError as error:
            self._on_failure(error, number)
            record.errors.append(error.message)
        record.stt_requested_s, record.stt_final_s = requested_s, now()
        self._on_transcript(revision, text, turn.confidence)

    async def _close(self, turn: UserTurn) -> None:
        limit_s = self._stt.provider.max_utterance_s
        self._report.add_queue(
            "utterance",
            QueueStatistics(limit_s, "s", "finalise", high_water=turn.longest_s, accepted=1 + turn.rolled),
        )
        try:
            await turn.aclose()
        except EngineError as error:
            self._on_failure(error, turn.number)
