"""How a call worker is told to go."""

from __future__ import annotations

import asyncio

import pytest

from voicebot.events import Limit
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


class Held:
    """A call that notes what it is told."""

    call_id = "ab12"

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def say_goodbye(self, why: Limit = "drain_s") -> None:
        self._said.append(f"goodbye, {why}")

    def hang_up(self) -> None:
        self._said.append("hang up")


def test_goodbye_says_no_more_too() -> None:
    leaving, said = Leaving(), []
    leaving.on_no_more = lambda: said.append("no more")
    leaving.goodbye()
    leaving.call = Held(said)
    leaving.goodbye()
    assert said == ["no more", "goodbye, drain_s"]


def test_a_call_is_ended_by_its_name_and_the_worker_stays() -> None:
    leaving, said = Leaving(), list[str]()
    leaving.hang_up("ab12", goodbye=False)
    leaving.call = Held(said)
    leaving.hang_up("another", goodbye=False)
    leaving.hang_up("ab12", goodbye=True)
    leaving.hang_up("ab12", goodbye=False)
    assert said == ["goodbye, operator", "hang up"]
    assert not leaving.said
