"""One request through a chain: whom it asks, how long it waits, and what it does after a failure."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from voicebot.clock import now
from voicebot.engines import Engine
from voicebot.errors import EngineError, EngineTimeout, VoicebotError
from voicebot.fallback.chain import Chain, Link
from voicebot.fallback.policy import WORTH_S, Next, Retry, after_error
from voicebot.interfaces import Provider

__all__ = ["Attempt", "Request", "as_engine_error"]

P = TypeVar("P", bound=Provider)


class Attempt(Generic[P]):
    """One engine asked once.

    Attributes:
        handed_on: whether a result of it has been.
    """

    def __init__(self, link: Link[P]) -> None:
        self.link = link
        self.began_s = now()
        self.handed_on = False
        self._probe = link.breaker.begin()
        self._settled = False

    @property
    def engine(self) -> Engine[P]:
        return self.link.engine

    def failed(self, error: EngineError) -> None:
        """Count the failure; also of one that has succeeded before."""
        probe, self._probe, self._settled = self._probe, False, True
        self.link.breaker.failed(
            now(), probe=probe, retryable=error.retryable, retry_after_s=error.retry_after_s
        )

    def succeeded(self) -> None:
        if not self._settled:
            probe, self._probe, self._settled = self._probe, False, True
            self.link.breaker.succeeded(probe=probe)

    def over(self) -> None:
        """It is not waited for any more; twice is fine. With a result it was a success."""
        if self.handed_on:
            self.succeeded()
        elif not self._settled:
            probe, self._probe, self._settled = self._probe, False, True
            self.link.breaker.abandoned(probe=probe)


class Request(Generic[P]):
    """Attempts, one after another, until one succeeds or the request is given up.

    Args:
        stay_away: leave an engine alone for its cool-down as soon as another has to be asked instead.
    """

    def __init__(self, chain: Chain[P], *, stay_away: bool = False) -> None:
        self._chain = chain
        self._stay_away = stay_away
        self._began_s = now()
        self._asked: list[Link[P]] = []
        self._retried: set[Link[P]] = set()
        self._then: Link[P] | None = None

    @property
    def left_s(self) -> float:
        """Of the deadline for a first result; rounded, for messages."""
        return max(0.0, round(self._chain.deadline_s - (now() - self._began_s), 3))

    async def begin(self) -> Attempt[P]:
        """Ask the first that may be asked, or whom `failed` has decided on. Its `over` must be called.

        Raises:
            EngineError: as `join`.
        """
        link = self.choose()
        await self.join(link)
        return Attempt(link)

    def choose(self) -> Link[P]:
        """Whom `begin` would ask."""
        link = self._then or self._chain.choose()
        self._then = None
        return link

    async def join(self, link: Link[P]) -> None:
        """This one is asked, once the time that its server has asked for is over.

        Raises:
            EngineError: that would be too long.
        """
        if link not in self._asked:
            self._asked.append(link)
        wait_s = link.breaker.asked_to_wait_s(now())
        if not wait_s:
            return
        if wait_s > min(self._chain.limits.longest_wait_alone_s, self.left_s - WORTH_S):
            engine, what = link.engine, f"its server wants to be left alone for another {wait_s:.1f} s"
            error = EngineError(
                what,
                kind=engine.kind,
                plugin=engine.name,
                distribution=engine.distribution,
                retryable=True,
                retry_after_s=wait_s,
            )
            self._chain.tell(link, error, "first_result", 0.0, "gave_up", None)
            raise error
        await asyncio.sleep(wait_s)

    def next_after(self, link: Link[P]) -> Link[P] | None:
        """Who would be asked next."""
        return next(self._chain.allowed(without=[*self._asked, link]), None)

    def first_s(self, link: Link[P]) -> float:
        """How long to wait for the first result: less where there is another to ask."""
        return min(self._chain.limits.switch_s, self.left_s) if self.next_after(link) else self.left_s

    def gap_s(self, link: Link[P]) -> float:
        """How long to wait for each result after the first."""
        limits, deadline_s = self._chain.limits, self._chain.deadline_s
        return min(limits.switch_s, deadline_s) if self.next_after(link) else deadline_s

    async def failed(self, attempt: Attempt[P], error: EngineError) -> None:
        """Nothing of the attempt has been handed on. Returns when the next one may `begin`.

        Raises:
            EngineError: this error, where it is given up.
        """
        chain, link = self._chain, attempt.link
        after_s = now() - attempt.began_s
        attempt.failed(error)
        then = self.next_after(link)
        decision = after_error(
            retryable=error.retryable,
            timed_out=isinstance(error, EngineTimeout),
            retried=link in self._retried,
            wait_s=link.breaker.wait_s(now()),
            left_s=self.left_s,
            has_next=then is not None,
            jitter=chain.jitter(),
            limits=chain.limits,
        )
        if isinstance(decision, Retry):
            chain.tell(link, error, "first_result", after_s, "retried", link, decision.after_s)
            self._retried.add(link)
            self._then = link
            await asyncio.sleep(decision.after_s)
        elif isinstance(decision, Next):
            chain.tell(link, error, "first_result", after_s, "next", then)
            self._then = then
            if self._stay_away:
                link.breaker.open(now())
        else:
            chain.tell(link, error, "first_result", after_s, "gave_up", None)
            raise error

    def cut_short(self, attempt: Attempt[P], error: EngineError, *, may_go_on: bool) -> None:
        """Some of its results have been handed on: nothing can be begun anew.

        Args:
            may_go_on: whether the request may end here, and what follows it go to the next engine.

        Raises:
            EngineError: this error, where that may not be, or there is none; `retryable` where a new request may go
                well.
        """
        after_s = now() - attempt.began_s
        attempt.failed(error)
        then = self.next_after(attempt.link)
        if then is not None:
            # A listener has heard it break off: once is enough.
            attempt.link.breaker.open(now())
        if not may_go_on or then is None:
            self._chain.tell(attempt.link, error, "midway", after_s, "gave_up", None)
            # Whether to ask again, for whoever has let nobody hear of what was handed on: it is another who is asked
            # then, or the same one; and a silence is not waited for twice.
            error.retryable = then is not None or (error.retryable and not isinstance(error, EngineTimeout))
            raise error
        self._chain.tell(attempt.link, error, "midway", after_s, "next", then)


def as_engine_error(error: VoicebotError, engine: Engine[Provider]) -> EngineError:
    """Whatever a provider raises on purpose, as an error of its engine."""
    if isinstance(error, EngineError):
        return error
    wrapped = EngineError(
        error.message,
        kind=engine.kind,
        plugin=engine.name,
        distribution=engine.distribution,
        hint=error.hint,
    )
    wrapped.__cause__ = error
    return wrapped
