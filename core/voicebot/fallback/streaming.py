"""Results of whichever engine of a chain answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from voicebot.engines import Engine, blame, stream_from, within
from voicebot.errors import EngineError, VoicebotError
from voicebot.fallback.chain import Chain
from voicebot.fallback.request import Request, as_engine_error
from voicebot.interfaces import Provider

__all__ = ["stream_through"]

P = TypeVar("P", bound=Provider)
T = TypeVar("T")


async def stream_through(
    chain: Chain[P],
    ask: Callable[[P], AsyncGenerator[T, None]],
    *,
    what: str,
    counts: Callable[[T], bool],
    nothing: str,
    may_go_on: bool = False,
) -> AsyncGenerator[T, None]:
    """The results of the first engine that gives one; closing this closes its stream.

    Until an engine has given a result that counts, nothing of it is handed on, and the next can be asked instead.

    Args:
        ask: makes an engine's stream.
        what: a result, in a word.
        counts: whether a result is worth anything by itself.
        nothing: the complaint where a stream ends without one; "" where that is no fault.
        may_go_on: whether what breaks off may end as if it were whole, so that what follows goes to the next engine.

    Raises:
        EngineError: of the engine that was asked last; EngineTimeout: it gave no result in time.
    """
    request = Request(chain, stay_away=may_go_on)
    while True:
        attempt = await request.begin()
        engine = attempt.engine
        try:
            results = _results(
                engine,
                ask,
                first_s=request.first_s(attempt.link),
                gap_s=request.gap_s(attempt.link),
                what=what,
                counts=counts,
                nothing=nothing,
            )
            async with aclosing(results):
                async for result in results:
                    attempt.handed_on = True
                    yield result
            attempt.succeeded()
            return
        except VoicebotError as raised:
            error = as_engine_error(raised, engine)
            if attempt.handed_on:
                request.cut_short(attempt, error, may_go_on=may_go_on)
                return
            await request.failed(attempt, error)
        finally:
            attempt.over()


async def _results(
    engine: Engine[P],
    ask: Callable[[P], AsyncGenerator[T, None]],
    *,
    first_s: float,
    gap_s: float,
    what: str,
    counts: Callable[[T], bool],
    nothing: str,
) -> AsyncGenerator[T, None]:
    with blame(engine):
        stream = ask(engine.provider)
        async with aclosing(stream):
            held: list[T] = []
            # One deadline for all that comes before the first result that counts.
            if not await within(engine, _fill(held, stream, counts), first_s, what) and nothing:
                raise EngineError(nothing, retryable=True)
            for result in held:
                yield result
            async with aclosing(stream_from(engine, stream, gap_s, what)) as rest:
                async for result in rest:
                    yield result


async def _fill(held: list[T], stream: AsyncGenerator[T, None], counts: Callable[[T], bool]) -> bool:
    """Take results up to the first that counts; False where there was none."""
    async for result in stream:
        held.append(result)
        if counts(result):
            return True
    return False
