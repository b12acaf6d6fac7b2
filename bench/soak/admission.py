"""Twice as many callers as there is room for: what the ones get, and how soon the others are refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from bench.soak.numbers import summary
from bench.soak.serving import Server
from bench.soak.talking import Talk, calling, refusal_ms, until_ready

__all__ = ["over_admission"]

KNOCK_S = 0.1


async def over_admission(server: Server, calls: int, *, questions: int = 5) -> dict[str, Any]:
    """All `calls` that there is room for, while as many others ask for one again and again."""
    async with AsyncExitStack() as stack:
        await until_ready(server.url)
        await server.warm(calls)
        talks = [await stack.enter_async_context(calling(server.url))]
        alone = [1000 * await talks[0].ask() for _ in range(questions)]
        while len(talks) < calls:
            await until_ready(server.url)
            talks.append(await stack.enter_async_context(calling(server.url)))
        refused: list[tuple[str, float]] = []

        async def knock() -> None:
            while True:
                refused.append(await refusal_ms(server.url))
                await asyncio.sleep(KNOCK_S)

        async def talk(one: Talk) -> list[float]:
            return [1000 * await one.ask() for _ in range(questions)]

        knocking = [asyncio.create_task(knock()) for _ in range(calls)]
        together = await asyncio.gather(*(talk(one) for one in talks))
        for task in knocking:
            task.cancel()
        await asyncio.wait(knocking)
        for one in talks:
            await one.hang_up()
    return {
        "calls": calls,
        "alone_ms": summary(alone),
        "accepted_ms": summary([ms for each in together for ms in each]),
        "refused": Counter(code for code, _ in refused),
        "refused_ms": summary([ms for _, ms in refused]),
    }
