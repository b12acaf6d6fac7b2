"""Recognisers in a chain."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import numpy as np

from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.engines import blame, within
from voicebot.errors import EngineError, VoicebotError
from voicebot.fallback.chain import Chain, Link
from voicebot.fallback.provider import FallbackProvider
from voicebot.fallback.request import Attempt, Request, as_engine_error
from voicebot.interfaces import STT, FinalTranscript, InterimTranscript, Utterance

__all__ = ["FallbackSTT", "FallbackUtterance"]

OnInterim = Callable[[InterimTranscript], None]


class FallbackSTT(FallbackProvider[STT]):
    """Recognises with the first engine that does. Interims come from the one that listens, never from two."""

    def __init__(self, chain: Chain[STT]) -> None:
        super().__init__(chain)
        self.max_utterance_s = self._shortest_s()

    async def warmup(self) -> None:
        await super().warmup()
        self.max_utterance_s = self._shortest_s()

    def _shortest_s(self) -> float:
        """Any of them may have to transcribe an utterance whole."""
        return min(engine.provider.max_utterance_s for engine in self.engines)

    def start(self, on_interim: OnInterim) -> FallbackUtterance:
        utterance = FallbackUtterance(self._chain, on_interim, self.max_utterance_s)
        utterance.listen()
        return utterance


class _Part:
    """An utterance of one engine."""

    def __init__(self, attempt: Attempt[STT]) -> None:
        self.attempt = attempt
        self.utterance: Utterance | None = None
        self.failed = False


class FallbackUtterance:
    """An utterance whose audio is kept, so that another engine can begin it anew.

    Args:
        keep_s: what is pushed beyond it only the engine that listens then has.
    """

    def __init__(self, chain: Chain[STT], on_interim: OnInterim, keep_s: float) -> None:
        self._chain = chain
        self._on_interim = on_interim
        self._keep_s = keep_s
        self._kept: list[AudioChunk] = []
        self._kept_s = 0.0
        self._parts: list[_Part] = []
        self._part: _Part | None = None
        """The one that listens."""
        self._closed = False

    def push(self, chunk: AudioChunk) -> None:
        """See `Utterance.push`.

        Raises:
            EngineError: none of the engines takes it; of the last.
        """
        if self._closed:
            return
        if self._kept_s + chunk.duration_s <= self._keep_s:
            self._kept.append(chunk)
            self._kept_s += chunk.duration_s
        part = self._part
        if part is None:
            self.listen()
        elif not part.failed and part.utterance is not None:
            try:
                with blame(part.attempt.engine):
                    part.utterance.push(chunk)
            except VoicebotError as error:
                self._pass_on(part, error, [])

    def listen(self) -> None:
        """Have the first engine that can take what was said so far, and listen.

        Raises:
            EngineError: none can; of the last.
        """
        self._listen(self._chain.choose(), [])

    async def finalize(self) -> FinalTranscript:
        """See `Utterance.finalize`."""
        request = Request(self._chain)
        while True:
            self._must_be_open()
            if self._part is None or self._part.failed or self._has_to_wait(self._part):
                self._listen(request.choose(), [])
            part = self._part
            assert part is not None
            attempt = part.attempt
            await request.join(attempt.link)
            try:
                final = await self._finalize(part, request.first_s(attempt.link))
            except VoicebotError as raised:
                self._must_be_open()
                if part.failed:
                    continue  # audio that came meanwhile has found that out, and was given to another
                part.failed = True
                try:
                    await request.failed(attempt, as_engine_error(raised, attempt.engine))
                finally:
                    # Whatever becomes of this request, the next one and what is said until then need another.
                    if self._part is part:
                        self._part = None
            else:
                attempt.handed_on = True
                attempt.over()
                return final

    async def aclose(self) -> None:
        """Stop recognising and drop the audio; twice is fine.

        Raises:
            VoicebotError: an engine failed to.
        """
        self._closed = True
        self._part = None
        self._kept.clear()
        parts = list(self._parts)
        self._parts.clear()
        async with AsyncExitStack() as closing:
            for part in parts:
                part.attempt.over()
                if part.utterance is not None:
                    closing.enter_context(blame(part.attempt.engine))
                    closing.push_async_callback(part.utterance.aclose)

    async def _finalize(self, part: _Part, deadline_s: float) -> FinalTranscript:
        assert part.utterance is not None
        engine = part.attempt.engine
        return await within(engine, part.utterance.finalize(), deadline_s, "final transcript")

    def _listen(self, link: Link[STT], failed: list[Link[STT]]) -> None:
        part = _Part(Attempt(link))
        self._parts.append(part)
        self._part = part
        try:
            with blame(link.engine):
                part.utterance = link.engine.provider.start(lambda interim: self._hear(part, interim))
                if self._kept:
                    part.utterance.push(self._so_far())
        except VoicebotError as error:
            self._pass_on(part, error, failed)

    def _has_to_wait(self, part: _Part) -> bool:
        """Whether its server has asked to be left alone since, and there is another to ask."""
        link = part.attempt.link
        asked = link.breaker.asked_to_wait_s(now()) > 0
        return asked and next(self._chain.allowed(without=[link]), None) is not None

    def _so_far(self) -> AudioChunk:
        """All that was kept, in one piece."""
        if len(self._kept) > 1:
            samples = np.concatenate([chunk.samples for chunk in self._kept])
            self._kept = [AudioChunk(samples, self._kept[0].sample_rate)]
        return self._kept[0]

    def _pass_on(self, part: _Part, raised: VoicebotError, failed: list[Link[STT]]) -> None:
        """Its engine does not take the audio: the next one gets it."""
        part.failed = True
        link, error = part.attempt.link, as_engine_error(raised, part.attempt.engine)
        part.attempt.failed(error)
        failed.append(link)
        then = next(self._chain.allowed(without=failed), None)
        after_s = now() - part.attempt.began_s
        self._chain.tell(link, error, "first_result", after_s, "next" if then else "gave_up", then)
        if then is None:
            if self._part is part:
                self._part = None
            raise error
        self._listen(then, failed)

    def _hear(self, part: _Part, interim: InterimTranscript) -> None:
        if part is self._part and not self._closed:
            self._on_interim(interim)

    def _must_be_open(self) -> None:
        if self._closed:
            raise EngineError("The utterance was closed before it was transcribed.", kind="stt")
