"""What is asked of every provider that answers with an async generator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

from voicebot.interfaces import Provider
from voicebot.testing.conformance.activity import Activity
from voicebot.testing.conformance.memory import memory_over
from voicebot.testing.conformance.provider import ProviderConformance, checked
from voicebot.testing.conformance.rules import cancel, expect, within

__all__ = ["StreamConformance"]

P = TypeVar("P", bound=Provider)


class StreamConformance(ProviderConformance[P]):
    """Attributes:
    result: the events that count, among the stream's.
    """

    result: type

    def short_stream(self, provider: P) -> AsyncGenerator[Any, None]:
        raise NotImplementedError

    def long_stream(self, provider: P) -> AsyncGenerator[Any, None]:
        """One that would go on for long."""
        raise NotImplementedError

    async def first_result(self, provider: P) -> None:
        await (await self.begun(self.short_stream(provider))).aclose()

    async def begun(self, stream: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        """Read it up to its first result."""
        async for event in stream:
            if isinstance(event, self.result):
                break
        return stream

    @checked
    async def test_closing_stops_the_work(self, provider: P) -> None:
        """Closing the stream stops the work within `cancel_s`."""
        activity = Activity(self.rest_s)
        stream = await self.begun(self.long_stream(provider))
        late = f"Closing a stream takes longer than {self.cancel_s:g} s."
        await within(self.cancel_s, stream.aclose(), late)
        ended = await activity.ends_within(self.cancel_s)
        expect(ended, f"It still works {self.cancel_s:g} s after its stream was closed.")

    @checked
    async def test_nothing_comes_after_closing(self, provider: P) -> None:
        """A closed stream has ended."""
        stream = await self.begun(self.long_stream(provider))
        await stream.aclose()
        more = [event async for event in stream]
        expect(not more, "A closed stream still brings something.")

    @checked
    async def test_cancelling_ends_as_cancelled(self, provider: P) -> None:
        """Cancelling the task that reads ends it, within `cancel_s`."""

        async def read() -> None:
            async with aclosing(self.long_stream(provider)) as stream:
                async for _ in stream:
                    pass

        await cancel(asyncio.create_task(read()), self.cancel_s)

    @checked
    async def test_unread_it_waits(self, provider: P) -> None:
        """A reader that stops reading holds it back: it does not run ahead without limit."""
        await self.first(provider)  # what is imported for it counts for nothing
        with memory_over(self.held_bytes) as too_much:
            async with aclosing(await self.begun(self.long_stream(provider))):
                activity = Activity(self.rest_s)
                until_s = asyncio.get_running_loop().time() + self.cancel_s
                while not await activity.rests() and not too_much():
                    if asyncio.get_running_loop().time() > until_s:
                        break
                ran_ahead = too_much()
        expect(
            not ran_ahead,
            f"It runs ahead of a reader that does not read: more than {self.held_bytes >> 10} KiB are held.",
        )
