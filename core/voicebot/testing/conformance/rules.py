"""What a check is made of: a condition with its sentence, and limits on waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from voicebot.errors import VoicebotError

__all__ = ["ConformanceError", "cancel", "expect", "only_ours", "settled", "within"]

T = TypeVar("T")

_LOOK_S = 0.01


class ConformanceError(AssertionError):
    """The plugin breaks a rule of `voicebot.interfaces`."""


def expect(condition: bool, complaint: str) -> None:
    __tracebackhide__ = True
    if not condition:
        raise ConformanceError(complaint)


async def within(seconds: float, work: Awaitable[T], complaint: str) -> T:
    """What `work` gives; it is cancelled, and the complaint raised, where that takes longer."""
    __tracebackhide__ = True
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise ConformanceError(complaint) from None
        raise


async def settled(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition comes true in that time."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    while not condition():
        if loop.time() > until_s:
            return False
        await asyncio.sleep(_LOOK_S)
    return True


async def cancel(task: asyncio.Task[object], seconds: float) -> None:
    """Cancel a task that has just begun its work, and see that it ends as cancelled."""
    await asyncio.sleep(0)
    if task.done():
        task.result()
        return  # too quick to be cancelled
    task.cancel()
    await asyncio.wait([task], timeout=seconds)
    expect(task.done(), f"Cancelled work goes on for longer than {seconds:g} s.")
    expect(
        task.cancelled(), "Cancelled work does not end as cancelled: it keeps the CancelledError to itself."
    )


async def only_ours(when: str, work: Awaitable[object]) -> VoicebotError | None:
    """The VoicebotError that `work` raised, or None where it raised nothing."""
    try:
        await work
    except VoicebotError as error:
        return error
    except ConformanceError:
        raise
    except Exception as error:
        raise ConformanceError(f"{when} it raised {error!r}, which is no VoicebotError.") from error
    return None
