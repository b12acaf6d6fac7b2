"""One answer, from the model's first token to the last sample played, in one cancel scope."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from voicebot.audio import PTIME_MS, AudioChunk, Rechunker, Resampler, Samples, first_audible
from voicebot.clock import cpu_s, now
from voicebot.engines import Engines, blame, stream_from
from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, LLMEvent, TextDelta, TokenUsage, ToolSpec, WordMark
from voicebot.queues import BoundedQueue
from voicebot.settings import DeadlineSettings, SpeechSettings
from voicebot.speech.clauses import ClauseSplitter
from voicebot.speech.ledger import HeardLedger
from voicebot.speech.plain_text import speakable
from voicebot.speech.playback import Playback
from voicebot.speech.spoken import SpokenText, spoken
from voicebot.tasks import task_group
from voicebot.timeline import Timeline
from voicebot.tools import Conversation, ToolEvent, ToolRunner

__all__ = ["CLAUSE_QUEUE_SIZE", "AgentTurn"]

_log = logging.getLogger(__name__)

CLAUSE_QUEUE_SIZE = 4
"""Clauses waiting for the voice; when there are more, the model's stream is not read."""


@dataclass(frozen=True, slots=True)
class _Audio:
    """A piece of a clause, at the connection's rate."""

    samples: Samples
    clause: int
    last: bool = False
    """The turn ends with it."""


class AgentTurn:
    """Model, voice and playback of one answer. Cancelling the task that runs it stops all three.

    Three tasks joined by two bounded queues: the model's text becomes clauses, clauses become audio, audio is played
    once the commit gate is open.

    Args:
        messages: what the model is asked; or
        text: what to say without asking it (a greeting).
        audio: how that sounds, at the connection's rate, where it has been said before (an apology).
        on_clause: called with a clause's text when it begins to play.
        on_audible: called when its first audible sample has been sent.
        tools: what the model may call; a model that cannot is offered none.
        on_tool: called about each call.
    """

    def __init__(
        self,
        number: int,
        *,
        engines: Engines,
        playback: Playback,
        speech: SpeechSettings,
        deadlines: DeadlineSettings,
        language: str,
        timeline: Timeline,
        on_clause: Callable[[str], None],
        on_audible: Callable[[], None] = lambda: None,
        messages: Sequence[ChatMessage] = (),
        text: str = "",
        audio: AudioChunk | None = None,
        tools: ToolRunner | None = None,
        on_tool: Callable[[ToolEvent], None] = lambda event: None,
    ) -> None:
        self.number = number
        self.timeline = timeline
        self.ledger = HeardLedger(playback.sample_rate)
        self.usage: TokenUsage | None = None
        self.audible = False
        """Whether its first audible sample has been sent."""
        self.deltas = 0
        """Pieces of text that the model has given."""
        self._tasks: list[asyncio.Task[None]] = []
        self._began_s = now()
        self._cpu_s = cpu_s()
        self._engines = engines
        self._playback = playback
        self._speech = speech
        self._deadlines = deadlines
        self._language = language
        self._on_clause = on_clause
        self._on_audible = on_audible
        self._messages = messages
        self._given_text = text
        self._given_audio = audio
        self._broke_off: EngineError | None = None
        self._gate = asyncio.Event()
        self._saying = False
        can_call = tools is not None and bool(tools.specs) and engines.llm.provider.capabilities.tools
        self.conversation = (
            Conversation(
                self._generate,
                tools,
                committed=self._gate,
                language=language,
                on_filler=self._fill,
                speaking=self._speaks,
                on_tool=on_tool,
            )
            if tools is not None and can_call
            else None
        )
        self.clauses = BoundedQueue[SpokenText]("clauses", CLAUSE_QUEUE_SIZE)
        self.audio = BoundedQueue[_Audio](
            "speech",
            speech.read_ahead_ms,
            unit="ms",
            size=lambda item: len(item.samples) * 1000 / playback.sample_rate,
        )

    def commit(self) -> None:
        """Open the gate: the audio may be sent."""
        self._gate.set()

    @property
    def committed(self) -> bool:
        return self._gate.is_set()

    async def run(self) -> None:
        """Answer, and return when all of it has been played.

        Raises:
            EngineError: the model or the voice failed (the first failure, where both did).
        """
        async with task_group() as group:
            self._tasks = [
                group.create_task(self._think(), name=f"think {self.number}"),
                group.create_task(self._speak(), name=f"speak {self.number}"),
                group.create_task(self._play(), name=f"play {self.number}"),
            ]
        if self._broke_off is not None:
            raise self._broke_off

    def abandon(self) -> None:
        """Stop working in the next turn of the event loop, and let go of what waits; for whoever cancels `run`."""
        # Not through the group: that would reach them a turn later.
        for task in self._tasks:
            task.cancel()
        self.clauses.clear()
        self.audio.clear()

    def all_heard(self, heard_text: str) -> bool:
        """Whether that is all that it has to say."""
        thought = self.timeline.at("llm_finished") is not None
        return thought and not len(self.clauses) and heard_text == self.ledger.text

    @property
    def audio_ms(self) -> float:
        """How much was synthesised."""
        return self.ledger.samples * 1000 / self._playback.sample_rate

    @property
    def ran_ms(self) -> float:
        return (now() - self._began_s) * 1000

    @property
    def cpu_ms(self) -> float:
        """CPU time that the whole process has used since it began."""
        return (cpu_s() - self._cpu_s) * 1000

    # --- text -----------------------------------------------------------------------------------------------------

    async def _think(self) -> None:
        if self._given_audio is not None:
            # Whole, as it was said.
            await self.clauses.put(SpokenText.of(self._given_text, []))
        else:
            await self._think_aloud()
        if self._broke_off is None:
            self.timeline.stamp("llm_finished", now())
        if not self.clauses.statistics.accepted:
            with blame(self._engines.llm):
                raise EngineError("it had nothing to say", retryable=True)
        self.clauses.close()

    async def _think_aloud(self) -> None:
        try:
            await self._answer_aloud()
        except EngineError as error:
            if not self._may_begin_anew(error):
                raise
            _log.warning("nothing of it was said yet; it is asked for anew: %s", error.message)
            await self._answer_aloud()

    def _may_begin_anew(self, error: EngineError) -> bool:
        """Whether it broke off before a clause was whole, so that nobody knows of it, and the next try may end well."""
        called = self.conversation is not None and self.conversation.exchanged
        broke_off = self.deltas and not self.clauses.statistics.accepted
        return bool(broke_off and error.retryable and not called)

    async def _answer_aloud(self) -> None:
        splitter = ClauseSplitter(self._speech.first_clause_chars, self._speech.max_clause_chars)
        try:
            async with aclosing(self._deltas()) as deltas:
                async for delta in deltas:
                    for clause in splitter.push(delta):
                        await self._offer(clause)
        except EngineError as error:
            if not self.clauses.statistics.accepted or not self.committed:
                raise
            # The clauses that are whole are said to their end; the rest of one is not begun.
            self._broke_off = error
            return
        for clause in splitter.flush():
            await self._offer(clause)

    async def _deltas(self) -> AsyncGenerator[str, None]:
        if self._given_text:
            yield self._given_text
            return
        self.timeline.stamp("llm_requested", now())
        if self.conversation is not None:
            stream: AsyncGenerator[LLMEvent, None] = self.conversation.answer(self._messages)
        else:
            stream = self._generate(self._messages, ())
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    self.timeline.stamp("llm_first_token", now())
                    self.deltas += 1
                    yield event.text
                elif isinstance(event, TokenUsage):
                    self.usage = event

    def _generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[LLMEvent, None]:
        llm = self._engines.llm
        # Without tools not even the argument: a plugin that calls none need not know it.
        stream = llm.provider.generate(messages, tools) if tools else llm.provider.generate(messages)
        return stream_from(llm, stream, self._deadlines.llm_first_token_s, "token")

    def _fill(self, text: str) -> None:
        # There is room: it is said only when nothing waits to be said.
        if text := speakable(text, self._language):
            self.clauses.put_nowait(self._said(text))

    def _speaks(self) -> bool:
        """Whether it has been given something to say that has not been heard whole yet."""
        return (
            bool(len(self.clauses))
            or self._saying
            or self.ledger.samples > self._playback.heard_samples(self.number)
        )

    async def _offer(self, clause: str) -> None:
        text = speakable(clause, self._language)
        if text:
            self.timeline.stamp("first_clause", now())
            await self.clauses.put(self._said(text))

    def _said(self, text: str) -> SpokenText:
        return spoken(text, self._language) if self._speech.spoken_forms else SpokenText.of(text, [])

    # --- speech ---------------------------------------------------------------------------------------------------

    async def _speak(self) -> None:
        rate = self._playback.sample_rate
        pause = round(self._speech.sentence_pause_ms * rate / 1000)
        clause = 0
        async for said in self.clauses:
            self._saying = True
            self.ledger.begin_clause(said)
            async with aclosing(self._synthesize(said.text)) as audio:
                async for samples in audio:
                    await self._put(samples, clause)
            self.ledger.end_clause()
            if pause:
                await self._put(AudioChunk.silence(self._speech.sentence_pause_ms, rate).samples, clause)
            clause += 1
            self._saying = False
        await self.audio.put(_Audio(AudioChunk.silence(0, rate).samples, clause, last=True))

    async def _synthesize(self, text: str) -> AsyncGenerator[Samples, None]:
        if self._given_audio is not None:
            yield self._given_audio.samples
            return
        tts = self._engines.tts
        self.timeline.stamp("tts_requested", now())
        silent_s = 0.0
        resampler: Resampler | None = None
        stream = tts.provider.synthesize(text)
        async with aclosing(stream_from(tts, stream, self._deadlines.tts_first_audio_s, "audio")) as events:
            async for event in events:
                if isinstance(event, WordMark):
                    self.ledger.add_word(event.start_s)
                    continue
                audible = first_audible(event.samples)
                if audible is None:
                    silent_s += event.duration_s
                else:
                    # The silence before it is heard as waiting, so it counts.
                    self.timeline.stamp("tts_first_audio", now() + silent_s + audible / event.sample_rate)
                if resampler is None or resampler.source_rate != event.sample_rate:
                    resampler = Resampler(event.sample_rate, self._playback.sample_rate)
                yield resampler.process(event.samples)
        if resampler is not None:
            yield resampler.process(AudioChunk.silence(0, resampler.source_rate).samples, last=True)

    async def _put(self, samples: Samples, clause: int) -> None:
        """Queue audio in pieces small enough for the queue's limit to mean something."""
        piece = round(self._playback.sample_rate * PTIME_MS / 1000)
        self.ledger.add_audio(len(samples))
        for start in range(0, len(samples), piece):
            await self.audio.put(_Audio(samples[start : start + piece], clause))

    # --- playback -------------------------------------------------------------------------------------------------

    async def _play(self) -> None:
        rate = self._playback.sample_rate
        packets = Rechunker(round(rate * PTIME_MS / 1000))
        await self._gate.wait()
        announced = -1
        while True:
            piece = await self.audio.get()
            if not piece.last and piece.clause > announced:
                announced = piece.clause
                self._on_clause(self.ledger.clause_text(announced))
            pieces = list(packets.push(piece.samples))
            if piece.last and len(rest := packets.flush()):
                pieces.append(np.pad(rest, (0, packets.size - len(rest))))
            for samples in pieces:
                if not await self._send(samples):
                    # The floor is taken; the cancellation that goes with it is on its way.
                    return
            if piece.last:
                break
        await self._playback.played_out()
        self.timeline.stamp("playout_finished", now())

    async def _send(self, samples: Samples) -> bool:
        """Play this; False where the turn no longer has the floor."""
        rate = self._playback.sample_rate
        played_at = await self._playback.send(self.number, AudioChunk(samples, rate))
        if played_at is None:
            return False
        if not self.audible and (audible := first_audible(samples)) is not None:
            self.audible = True
            self.timeline.stamp("first_audible", played_at + audible / rate)
            self._on_audible()
        return True
