"""The task group that raises the first failure itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from voicebot.tasks import task_group
from voicebot.testing import run_virtual


async def fail(after_s: float, error: Exception) -> None:
    await asyncio.sleep(after_s)
    raise error


async def fail_when_stopped(error: Exception) -> None:
    try:
        await asyncio.sleep(1_000)
    finally:
        raise error


def test_it_waits_for_its_tasks() -> None:
    async def main() -> float:
        async with task_group() as group:
            group.create_task(asyncio.sleep(3))
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3


def test_leaving_may_cancel_what_still_runs() -> None:
    async def main() -> float:
        async with task_group(cancel_on_exit=True) as group:
            task = group.create_task(asyncio.sleep(1_000))
            await asyncio.sleep(2)
        assert task.cancelled()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 2


@pytest.mark.parametrize("cancel_on_exit", [False, True])
def test_the_first_failure_is_raised_with_its_cause(cancel_on_exit: bool) -> None:
    async def main() -> None:
        first = KeyError("first")
        first.__cause__ = ValueError("why")
        async with task_group(cancel_on_exit=cancel_on_exit) as group:
            group.create_task(fail(1, first))
            group.create_task(fail_when_stopped(RuntimeError("second")))
            await asyncio.sleep(10)

    with pytest.raises(KeyError, match="first") as caught:
        run_virtual(main())
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_bodys_failure_comes_before_those_it_causes() -> None:
    async def main() -> None:
        async with task_group() as group:
            group.create_task(fail_when_stopped(RuntimeError("second")))
            await asyncio.sleep(1)
            raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        run_virtual(main())


def test_a_body_that_fails_because_it_was_stopped_comes_second() -> None:
    async def main() -> None:
        async with task_group() as group:
            group.create_task(fail(1, KeyError("first")))
            await fail_when_stopped(RuntimeError("second"))

    with pytest.raises(KeyError, match="first"):
        run_virtual(main())


def test_a_failure_while_leaving_is_raised() -> None:
    async def main() -> None:
        async with task_group(cancel_on_exit=True) as group:
            group.create_task(fail_when_stopped(KeyError("last words")))
            await asyncio.sleep(1)

    with pytest.raises(KeyError, match="last words"):
        run_virtual(main())


@pytest.mark.parametrize("body", [lambda: asyncio.sleep(1_000), lambda: asyncio.sleep(0)])
def test_cancelling_from_outside_cancels_all(body: Callable[[], asyncio.Future[None]]) -> None:
    async def main() -> None:
        inner: list[asyncio.Task[None]] = []

        async def work() -> None:
            async with task_group() as group:
                inner.append(group.create_task(asyncio.sleep(1_000)))
                await body()

        outer = asyncio.ensure_future(work())
        await asyncio.sleep(1)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert inner[0].cancelled()

    run_virtual(main())
