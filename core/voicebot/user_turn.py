"""What the user says in one turn, however long: utterances recognised one after another, joined into one text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from voicebot.audio import AudioChunk
from voicebot.engines import Engine, blame, within
from voicebot.errors import EngineError
from voicebot.interfaces import STT, InterimTranscript, Utterance

__all__ = ["ROLL_MARGIN_S", "UserTurn"]

ROLL_MARGIN_S = 2.0
"""An utterance is finalised this long before the recogniser's limit, wherever the speech is by then."""

_Finished = str | EngineError


class UserTurn:
    """The recognition of one user turn.

    Audio goes to the current utterance. Before it outgrows the recogniser's window it is finalised in the background
    and the next one takes over: the stated policy for a full utterance.

    Args:
        spawn: starts a task that the caller owns.
        on_interim: called with the turn's whole text so far, and whether the speech had just faded.
    """

    def __init__(
        self,
        number: int,
        stt: Engine[STT],
        *,
        deadline_s: float,
        spawn: Callable[[Coroutine[Any, Any, _Finished]], asyncio.Task[_Finished]],
        on_interim: Callable[[str, bool], None],
    ) -> None:
        self.number = number
        self.interim_text = ""
        self.confidence: float | None = None
        """Of the last final transcript, 0 to 1, where the recogniser gives one."""
        self.longest_s = 0.0
        """Seconds of the longest utterance."""
        self.rolled = 0
        """Utterances that were finalised because they were full."""
        self._stt = stt
        self._deadline_s = deadline_s
        self._spawn = spawn
        self._on_interim = on_interim
        self._before: list[asyncio.Task[_Finished]] = []
        self._before_text = ""
        self._full: list[Utterance] = []
        self._audio_s = 0.0
        self._closed = False
        self._broken: EngineError | None = None
        self._utterance: Utterance | None = None

    def push(self, chunk: AudioChunk) -> None:
        """Add 16 kHz mono audio. Where the recogniser refuses it, `transcript` raises why."""
        if self._closed or self._broken is not None:
            return
        try:
            self._push(chunk)
        except EngineError as error:
            self._broken = error

    def _push(self, chunk: AudioChunk) -> None:
        with blame(self._stt):
            stt = self._stt.provider
            utterance = self._utterance or self._begin()
            if self._audio_s + chunk.duration_s > stt.max_utterance_s - ROLL_MARGIN_S:
                self._before_text = self.interim_text
                self._before.append(self._spawn(self._finish(utterance)))
                self._full.append(utterance)
                self.rolled += 1
                utterance, self._audio_s = self._begin(), 0.0
            self._utterance = utterance
            utterance.push(chunk)
        self._audio_s += chunk.duration_s
        self.longest_s = max(self.longest_s, self._audio_s)

    async def transcript(self) -> str:
        """The final transcript of all audio so far.

        Raises:
            EngineError: recognition failed or missed its deadline.
        """
        if self._broken is not None:
            raise self._broken
        if self._utterance is None:
            return ""
        before = [_text_of(await task) for task in self._before]
        last = await within(self._stt, self._utterance.finalize(), self._deadline_s, "final transcript")
        self.confidence = last.confidence
        return " ".join(text for text in (*before, last.text.strip()) if text)

    async def aclose(self) -> None:
        """Stop recognising; twice is fine."""
        if self._closed:
            return
        self._closed = True
        for task in self._before:
            task.cancel()
        await asyncio.gather(*self._before, return_exceptions=True)
        with blame(self._stt):
            async with AsyncExitStack() as closing:
                for utterance in self._full:
                    closing.push_async_callback(utterance.aclose)
                if self._utterance is not None:
                    closing.push_async_callback(self._utterance.aclose)

    def _begin(self) -> Utterance:
        part = self.rolled
        return self._stt.provider.start(lambda transcript: self._hear_interim(part, transcript))

    async def _finish(self, utterance: Utterance) -> str | EngineError:
        """A full utterance's text; a failure is returned, for `transcript` to raise."""
        try:
            try:
                final = await within(self._stt, utterance.finalize(), self._deadline_s, "final transcript")
            finally:
                with blame(self._stt):
                    await utterance.aclose()
        except EngineError as error:
            return error
        return final.text.strip()

    def _hear_interim(self, part: int, transcript: InterimTranscript) -> None:
        if self._closed or part != self.rolled:
            return
        self.interim_text = " ".join(text for text in (self._before_text, transcript.text.strip()) if text)
        self._on_interim(self.interim_text, transcript.faded)


def _text_of(finished: _Finished) -> str:
    if isinstance(finished, EngineError):
        raise finished
    return finished
