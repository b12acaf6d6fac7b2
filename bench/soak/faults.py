"""While two calls are on something is killed, stands still or is full: does that reach anyone whom it need not?"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from typing import Any

from bench.soak.census import find
from bench.soak.cycles import one_call
from bench.soak.disk import fill
from bench.soak.kept import Fate, examine
from bench.soak.serving import APOLOGY, Server
from bench.soak.talking import PATIENCE_S, Talk, calling, until_ready
from tests.support.running import children

from voicebot.keeping import CallStore, read_log

__all__ = ["FAULTS", "faults"]

GONE_S = 20.0
"""How soon a page must have been told that its call is gone."""
CALLS = 2
STOPPED = 'voicebot_keeping_failures_total{what="recording"}'


async def faults(server: Server, which: Sequence[str], seed: int = 1) -> dict[str, Any]:
    """A round for each: two calls are on, and it happens; the calls that it does not end go on, and others can be had.

    Args:
        server: with two call workers, keeping its calls on a disk of its own.

    Returns:
        `rounds` (a dict for each), `unharmed` (calls that went on), `lost`, `wrong` (rounds in which something else
        came of it than the fault explains), `kept` (`Kept` as a dict).
    """
    rng = random.Random(seed)
    fates: dict[str, Fate] = {}
    rounds = [await _round(server, name, rng, fates) for name in which]
    last, _ = await one_call(server.url)
    fates[last] = "ended"
    kept = await examine(server.kept, fates)
    return {
        "rounds": rounds,
        "unharmed": sum(each["unharmed"] for each in rounds),
        "lost": sum(each["lost"] for each in rounds),
        "wrong": [each for each in rounds if each["wrong"]],
        "processes": len(children(server.run.pid)),
        "kept": asdict(kept),
    }


async def _round(server: Server, name: str, rng: random.Random, fates: dict[str, Fate]) -> dict[str, Any]:
    fault = FAULTS[name]
    await server.warm(CALLS)
    async with AsyncExitStack() as stack:
        talks = []
        for _ in range(CALLS):
            await until_ready(server.url)
            talks.append(await stack.enter_async_context(calling(server.url)))
        await _all_ask(talks)
        began_s = time.monotonic()
        wrong = await fault.happens(server, talks, rng)
        over_s = time.monotonic() - began_s
        lost = [talk for talk in talks if talk.ended.done()]
        left = [talk for talk in talks if talk not in lost]
        went_on = await asyncio.gather(*(_goes_on(talk) for talk in left))
        fates |= {talk.id: fault.fate_of_lost if talk in lost else fault.fate for talk in talks}
    again_s = time.monotonic()
    await until_ready(server.url)
    again_s = time.monotonic() - again_s
    if len(lost) not in fault.may_lose or not all(went_on):
        wrong = f"{wrong} {len(lost)} calls were lost, {sum(went_on)} went on".strip()
    return {
        "fault": name,
        "lost": len(lost),
        "unharmed": sum(went_on),
        "over_s": round(over_s, 2),
        "ready_again_s": round(again_s, 2),
        "wrong": wrong,
    }


async def _all_ask(talks: Sequence[Talk]) -> None:
    await asyncio.gather(*(talk.ask() for talk in talks))


async def _goes_on(talk: Talk) -> bool:
    try:
        await talk.ask()
        return await talk.hang_up() == "hung_up"
    except TimeoutError:
        return False


def _killing(part: str) -> Callable[[Server, Sequence[Talk], random.Random], Awaitable[str]]:
    async def happens(server: Server, talks: Sequence[Talk], rng: random.Random) -> str:
        rng.choice(find(server.run.pid, part)).send_signal(signal.SIGKILL)
        ends = [talk.ended for talk in talks]
        await asyncio.wait(ends, timeout=GONE_S, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(ends, timeout=1.0)
        return ""

    return happens


async def _stall(server: Server, talks: Sequence[Talk], rng: random.Random) -> str:
    """One engine of one call answers nothing: that caller hears an apology, the other an answer."""
    worker, kind = rng.choice(find(server.run.pid, " worker ")), rng.choice(("stt", "llm", "tts"))
    told = server.stalls / str(worker.pid)
    told.write_text(kind)
    try:
        await _all_ask(talks)
    finally:
        told.unlink()
    apologies = [_apologies(server, talk) for talk in talks]
    return "" if sorted(apologies) == [0, 1] else f"{kind}: the calls heard {apologies} apologies"


def _apologies(server: Server, talk: Talk) -> int:
    path = CallStore(server.kept).find(talk.id).log
    assert path is not None
    lines = read_log(path).lines
    return sum(line.name == "agent_clause" and line.data["text"] == APOLOGY for line in lines)


async def _fill_up(server: Server, talks: Sequence[Talk], rng: random.Random) -> str:
    """The disk is full until both recordings have been stopped for it; the calls talk on meanwhile."""
    counted = await server.metric(STOPPED)
    filler = fill(server.kept)
    stopped = [f"call {talk.id}: its recording stops (disk)" for talk in talks]
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not all(any(one in line for line in server.lines) for one in stopped):
                await _all_ask(talks)
    except TimeoutError:
        return "a recording was not stopped"
    finally:
        filler.unlink()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while await server.metric(STOPPED) != counted + len(talks):  # noqa: ASYNC110 - it can only be looked at
                await asyncio.sleep(0.1)
            return ""
    return f"{await server.metric(STOPPED) - counted:g} of {len(talks)} are counted"


@dataclass(frozen=True)
class Fault:
    """
    Attributes:
        happens: makes it happen, and go; what is wrong with what came of it.
        may_lose: so many of two calls.
    """

    happens: Callable[[Server, Sequence[Talk], random.Random], Awaitable[str]]
    may_lose: tuple[int, ...] = (0,)
    fate: Fate = "ended"
    fate_of_lost: Fate = "ended"


FAULTS = {
    "call worker": Fault(_killing(" worker "), (1,), fate_of_lost="killed"),
    # Two of them share the calls out.
    "mediasoup Worker": Fault(_killing("mediasoup-worker"), (0, 1, 2)),
    "SFU": Fault(_killing("src/main.js"), (2,)),
    "engine stall": Fault(_stall),
    "disk full": Fault(_fill_up, fate="disk full"),
}
