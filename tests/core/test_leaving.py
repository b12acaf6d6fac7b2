"""How a call worker is told to go."""

from __future__ import annotations

import asyncio

import pytest

from voicebot.leaving import Leaving
from voicebot.testing import run_virtual


async def after(seconds: float, value: str = "came") -> str:
    await asyncio.sleep(seconds)
    return value


def test_what_comes_comes() -> None:
    assert run_virtual(Leaving().unless_told(after(1.0))) == "came"


def test_waiting_ends_in_the_same_task() -> None:
    async def main() -> None:
        leaving, left = Leaving(), []
        me = asyncio.current_task()

        async def wait() -> str:
            try:
                return await after(100.0)
            finally:
                left.append(asyncio.current_task())

        asyncio.get_running_loop().call_later(1.0, leaving.no_more)
        async with asyncio.timeout(2.0):
            assert await leaving.unless_told(wait()) is None
        assert left == [me]
        assert leaving.said
        # Nothing is begun any more.
        assert await leaving.unless_told(after(0.0)) is None

    run_virtual(main())


def test_one_who_ends_it_himself_is_not_interrupted() -> None:
    async def main() -> None:
        leaving, told = Leaving(), asyncio.Event()
        leaving.on_no_more = told.set

        async def wait() -> str:
            await told.wait()
            return await after(5.0, "the call that was coming")

        asyncio.get_running_loop().call_later(1.0, leaving.no_more)
        assert await leaving.unless_told(wait()) == "the call that was coming"

    run_virtual(main())


def test_a_timeout_of_its_own_is_its_own() -> None:
    async def fail() -> str:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        run_virtual(Leaving().unless_told(fail()))


def test_goodbye_says_no_more_too() -> None:
    leaving, said = Leaving(), []
    leaving.on_no_more = lambda: said.append("no more")
    leaving.goodbye()
    leaving.on_goodbye = lambda: said.append("goodbye")
    leaving.goodbye()
    assert said == ["no more", "goodbye"]
