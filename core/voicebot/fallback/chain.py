"""The engines of a chain: which of them are ready, and which may be asked."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from voicebot.clock import now
from voicebot.engines import Engine, blame
from voicebot.errors import EngineError, EngineTimeout, VoicebotError
from voicebot.events import FallbackAction, FallbackEvent, FallbackStage
from voicebot.fallback.breaker import BreakerState, CircuitBreaker
from voicebot.fallback.policy import Limits
from voicebot.interfaces import Provider
from voicebot.tasks import task_group

__all__ = ["Chain", "Link", "LinkHealth"]

P = TypeVar("P", bound=Provider)

logger = logging.getLogger("voicebot.fallback")


@dataclass(eq=False, slots=True)
class Link(Generic[P]):
    """An engine of a chain, and what is known of it."""

    engine: Engine[P]
    breaker: CircuitBreaker
    warm: bool = False
    cold_because: VoicebotError | None = None
    """Why its warm-up failed: until one succeeds it is not asked."""
    warmup_ms: float | None = None
    """How long the warm-up that succeeded took."""

    def allows(self, at_s: float) -> bool:
        return self.cold_because is None and self.breaker.allows(at_s)


@dataclass(frozen=True, slots=True)
class LinkHealth:
    plugin: str
    distribution: str
    warm: bool
    breaker: BreakerState
    problem: str
    """Why its warm-up failed, or ""."""
    warmup_ms: float | None = None


class Chain(Generic[P]):
    """Engines of one kind, the preferred one first.

    Args:
        deadline_s: for the first result of a request, all attempts together.
        warmup_s: for the warm-up of each.
        jitter: a number from 0 to 1, by chance.

    Attributes:
        on_fallback: told of every attempt that failed; a session sets it for as long as its call lasts.
    """

    def __init__(
        self,
        engines: Sequence[Engine[P]],
        *,
        deadline_s: float,
        warmup_s: float,
        limits: Limits | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if not engines:
            raise ValueError("a chain needs at least one engine")
        self.limits = limits or Limits()
        self.deadline_s = deadline_s
        self.jitter = jitter
        self.links = [Link(engine, CircuitBreaker(self.limits.breaker)) for engine in engines]
        self.on_fallback: Callable[[FallbackEvent], None] = lambda event: None
        self._warmup_s = warmup_s
        self._warming: dict[Link[P], asyncio.Task[None]] = {}

    # --- who is asked ---------------------------------------------------------------------------------------------

    def allowed(self, without: Collection[Link[P]] = ()) -> Iterator[Link[P]]:
        """The engines that may be asked now, in order."""
        at_s = now()
        return (link for link in self.links if link not in without and link.allows(at_s))

    def choose(self) -> Link[P]:
        """The first that may be asked; where none may, the one that may be soonest: asking nobody helps no one."""
        self.warm_up_again()
        first = next(self.allowed(), None)
        if first is not None:
            return first
        at_s = now()
        return min(
            self.links,
            key=lambda link: (
                link.cold_because is not None,
                link.breaker.asked_to_wait_s(at_s),
                link.breaker.wait_s(at_s),
            ),
        )

    def health(self) -> list[LinkHealth]:
        """Of each engine, in order."""
        at_s = now()
        return [
            LinkHealth(
                link.engine.name,
                link.engine.distribution,
                link.warm,
                link.breaker.state(at_s),
                link.cold_because.message if link.cold_because else "",
                link.warmup_ms,
            )
            for link in self.links
        ]

    # --- readiness ------------------------------------------------------------------------------------------------

    async def warmup(self) -> None:
        """Warm up those that are not warm, all at once. One that is ready is enough.

        Raises:
            VoicebotError: none is; what was wrong with the preferred one of those that may be ready another time, or
                with the preferred one.
        """
        began_s = now()
        failed: dict[Link[P], float] = {}

        async def warm_up(link: Link[P]) -> None:
            if not await self._warm_up(link):
                failed[link] = now() - began_s

        async with task_group() as group:
            for link in self.links:
                if not link.warm:
                    group.create_task(warm_up(link), name=f"warmup {link.engine.kind} {link.engine.name}")
        ready = next((link for link in self.links if link.warm), None)
        for link, after_s in failed.items():
            if link.cold_because is not None:
                self.tell(link, link.cold_because, "warmup", after_s, "next" if ready else "gave_up", ready)
        if ready is None:
            errors = [link.cold_because for link in self.links if link.cold_because is not None]
            raise next((e for e in errors if isinstance(e, EngineError) and e.retryable), errors[0])

    async def _warm_up(self, link: Link[P]) -> bool:
        probe, began_s = link.breaker.begin(), now()
        try:
            with blame(link.engine):
                await _ready(link.engine, self._warmup_s)
        except VoicebotError as error:
            link.cold_because = error
            link.breaker.failed(now(), probe=probe, retryable=False, retry_after_s=_retry_after(error))
            return False
        except BaseException:
            link.breaker.abandoned(probe=probe)
            raise
        link.warm, link.cold_because = True, None
        link.warmup_ms = round((now() - began_s) * 1000, 1)
        link.breaker.succeeded(probe=probe)
        return True

    def warm_up_again(self) -> None:
        """Those whose warm-up failed and whose time has come, beside the request, which does not wait for it."""
        at_s = now()
        for link in self.links:
            if link.cold_because is not None and link not in self._warming and link.breaker.allows(at_s):
                name = f"warmup {link.engine.kind} {link.engine.name}"
                self._warming[link] = asyncio.create_task(self._try_again(link), name=name)

    async def _try_again(self, link: Link[P]) -> None:
        before = str(link.cold_because)
        try:
            if await self._warm_up(link):
                logger.info("the %s plugin %r is ready now", link.engine.kind, link.engine.name)
            elif link.cold_because is not None and str(link.cold_because) != before:
                # The same again is no news, every two minutes of a long night.
                logger.warning("still not ready: %s", link.cold_because)
        finally:
            self._warming.pop(link, None)

    async def aclose(self) -> None:
        """Close all, whatever some of them do; twice is fine.

        Raises:
            VoicebotError: of the first that failed to close, after all have been asked.
        """
        tasks = list(self._warming.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._warming.clear()
        first: VoicebotError | None = None
        for link in self.links:
            link.warm = False
            try:
                with blame(link.engine):
                    await link.engine.provider.aclose()
            except VoicebotError as error:
                first = first or error
        if first is not None:
            raise first

    # --- telling --------------------------------------------------------------------------------------------------

    def tell(
        self,
        link: Link[P],
        error: VoicebotError,
        stage: FallbackStage,
        after_s: float,
        action: FallbackAction,
        then: Link[P] | None,
        wait_s: float = 0.0,
    ) -> None:
        """Whoever listens hears of it, and the log of what nobody else tells: an error that is given up is raised."""
        engine, next_plugin = link.engine, then.engine.name if then and action != "gave_up" else ""
        if action != "gave_up":
            then_what = (
                f"asking it again in {wait_s * 1000:.0f} ms"
                if action == "retried"
                else f"asking {next_plugin!r}"
            )
            who, what = (engine.kind, engine.name, engine.distribution), error.message.rstrip(".")
            logger.warning("the %s plugin %r of %s: %s; %s", *who, what, then_what)
        event = FallbackEvent(
            now(),
            engine.kind,
            engine.name,
            engine.distribution,
            error.code,
            error.message,
            stage,
            action,
            next_plugin,
            after_ms=round(after_s * 1000, 1),
            wait_ms=round(wait_s * 1000, 1),
        )
        try:
            self.on_fallback(event)
        except Exception:
            logger.exception("whoever listens to fallbacks failed")


async def _ready(engine: Engine[Provider], deadline_s: float) -> None:
    try:
        async with asyncio.timeout(deadline_s) as scope:
            await engine.provider.warmup()
    except TimeoutError:
        if not scope.expired():
            raise
        raise EngineTimeout(f"not ready after {deadline_s:g} s of warm-up.", retryable=True) from None


def _retry_after(error: VoicebotError) -> float | None:
    return error.retry_after_s if isinstance(error, EngineError) else None
