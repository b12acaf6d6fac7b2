"""Providers with their names on: whatever goes wrong inside one is reported as that plugin's fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from voicebot.clock import now
from voicebot.errors import EngineError, EngineTimeout, VoicebotError
from voicebot.interfaces import LLM, STT, TTS, VAD, EndOfTurn, Kind, Provider
from voicebot.tasks import task_group

if TYPE_CHECKING:
    from voicebot.fallback import Apology

__all__ = ["Engine", "Engines", "blame", "stream_from", "within"]

P = TypeVar("P", bound=Provider, covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Engine(Generic[P]):
    """A provider, the plugin's name in the profile, and the distribution it came from."""

    kind: Kind
    name: str
    distribution: str
    provider: P


@dataclass(slots=True)
class Engines:
    """What one call at a time runs on."""

    vad: Engine[VAD]
    stt: Engine[STT]
    turn: Engine[EndOfTurn]
    llm: Engine[LLM]
    tts: Engine[TTS]
    warm: bool = False
    apology_text: str = ""
    """What is said where nobody can answer; "" for nothing."""
    apology: Apology | None = None
    """The same as audio, once they are warm, where a voice could say it."""
    warmup_ms: dict[Kind, float] = field(default_factory=dict)
    """Of those whose warm-up has succeeded, how long it took."""
    not_there: dict[Kind, EngineError] = field(default_factory=dict)
    """Those whose servers were not there at the last attempt, and what was wrong: they may be at the next."""

    def __iter__(self) -> Iterator[Engine[Provider]]:
        return iter((self.vad, self.stt, self.turn, self.llm, self.tts))

    async def warmup(self, deadline_s: float, *, finish_others: bool = False) -> None:
        """Warm up at once those of them that are not warm.

        Args:
            finish_others: where a server is not there, see the others through all the same: called again, this asks
                for that server alone.

        Raises:
            EngineError: the first that failed; EngineTimeout: one was not ready by its deadline.
        """
        if self.warm:
            return
        self.not_there.clear()
        async with task_group() as group:
            for engine in self:
                if engine.kind not in self.warmup_ms:
                    work = self._warm_up(engine, deadline_s, finish_others)
                    group.create_task(work, name=f"warmup {engine.kind}")
        if self.not_there:
            raise next(iter(self.not_there.values()))
        if self.apology is None:
            from voicebot.fallback import render_apology

            self.apology = await render_apology(self.tts, self.apology_text, min(deadline_s, 10))
        self.warm = True

    async def _warm_up(self, engine: Engine[Provider], deadline_s: float, finish_others: bool) -> None:
        began_s = now()
        try:
            await _warm_up(engine, deadline_s)
        except EngineError as error:
            if not (finish_others and error.retryable and engine.provider.capabilities.needs_network):
                raise
            self.not_there[engine.kind] = error
        else:
            self.warmup_ms[engine.kind] = round((now() - began_s) * 1000, 1)

    async def aclose(self) -> None:
        """Close all, whatever some of them do; twice is fine.

        Raises:
            VoicebotError: of the first that failed to close, after all have been asked.
        """
        first: VoicebotError | None = None
        for engine in self:
            try:
                with blame(engine):
                    await engine.provider.aclose()
            except VoicebotError as error:
                first = first or error
        if first is not None:
            raise first


async def _warm_up(engine: Engine[Provider], deadline_s: float) -> None:
    with blame(engine):
        async with _deadline(engine, deadline_s, f"not ready after {deadline_s:g} s of warm-up"):
            await engine.provider.warmup()


@contextmanager
def blame(engine: Engine[Provider]) -> Iterator[None]:
    """Whatever is raised inside leaves as an EngineError that names the engine's plugin and distribution."""
    try:
        yield
    except EngineError as error:
        error.kind = error.kind or engine.kind
        error.plugin = error.plugin or engine.name
        error.distribution = error.distribution or engine.distribution
        raise
    except VoicebotError:
        raise
    except Exception as error:
        raise EngineError(
            f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
            kind=engine.kind,
            plugin=engine.name,
            distribution=engine.distribution,
        ) from error


async def stream_from(
    engine: Engine[Provider], stream: AsyncGenerator[T, None], deadline_s: float, what: str
) -> AsyncGenerator[T, None]:
    """An engine's results, each within its deadline; closing this closes the engine's stream.

    Raises:
        EngineError: the engine failed; EngineTimeout: it gave no result in time.
    """
    with blame(engine):
        async with aclosing(stream):
            while True:
                async with _deadline(engine, deadline_s, f"no {what} within {deadline_s:g} s"):
                    try:
                        item = await anext(stream)
                    except StopAsyncIteration:
                        return
                yield item


@asynccontextmanager
async def _deadline(engine: Engine[Provider], seconds: float, complaint: str) -> AsyncIterator[None]:
    # A chain keeps it itself, so that it knows whose failure it is.
    own = getattr(engine.provider, "keeps_deadlines", False)
    try:
        async with asyncio.timeout(None if own else seconds) as scope:
            yield
    except TimeoutError:
        if not scope.expired():
            raise
        raise EngineTimeout(f"{complaint}.", retryable=True) from None


async def within(engine: Engine[Provider], work: Awaitable[T], deadline_s: float, what: str) -> T:
    """One result of an engine, within its deadline.

    Raises:
        EngineError: the engine failed; EngineTimeout: it gave no result in time.
    """
    with blame(engine):
        async with _deadline(engine, deadline_s, f"no {what} within {deadline_s:g} s"):
            return await work
