"""The bounded queue against a model, and under many producers and consumers."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.queues import BoundedQueue, QueueClosed, QueueStatistics
from voicebot.testing import run_virtual

CAPACITY = 4


def _by_size(item: tuple[int, int]) -> float:
    return item[1]


def sized_queue(
    policy: str = "wait", bursts: list[QueueStatistics] | None = None
) -> BoundedQueue[tuple[int, int]]:
    """Of (number, size) items."""
    return BoundedQueue(
        "test",
        CAPACITY,
        unit="ms",
        size=_by_size,
        when_full="wait" if policy == "wait" else "drop_oldest",
        on_overflow=None if bursts is None else lambda statistics: bursts.append(replace(statistics)),
    )


@given(
    policy=st.sampled_from(["wait", "drop_oldest"]),
    steps=st.lists(st.none() | st.integers(0, 6), max_size=60),
)
def test_it_equals_its_model(policy: str, steps: list[int | None]) -> None:
    """A number puts an item of that size, None takes one."""
    bursts: list[QueueStatistics] = []
    model: deque[tuple[int, int]] = deque()

    async def main() -> None:
        queue = sized_queue(policy, bursts)
        accepted = dropped = expected_bursts = 0
        high_water, in_burst = 0, False
        for number, size in enumerate(steps):
            if size is None:
                if model:
                    assert await queue.get() == model.popleft()
            else:
                item = (number, size)
                full = bool(model) and sum(s for _, s in model) + size > CAPACITY
                if full and policy == "wait":
                    with pytest.raises(asyncio.QueueFull):
                        queue.put_nowait(item)
                    continue
                expected_bursts += full and not in_burst
                in_burst = full
                while model and sum(s for _, s in model) + size > CAPACITY:
                    model.popleft()
                    dropped += 1
                queue.put_nowait(item)
                model.append(item)
                accepted += 1
            held = sum(s for _, s in model)
            high_water = max(high_water, held)
            assert len(queue) == len(model)
            assert queue.held == held
            assert held <= CAPACITY or len(queue) == 1
            assert queue.statistics == QueueStatistics(CAPACITY, "ms", policy, high_water, accepted, dropped)
            assert len(bursts) == expected_bursts
        queue.close()
        assert [item async for item in queue] == list(model)

    run_virtual(main())


@given(
    producers=st.lists(st.lists(st.integers(0, 6), max_size=8), min_size=1, max_size=4),
    consumers=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    cancel_after=st.lists(st.integers(0, 30), max_size=5),
)
def test_nothing_is_lost_doubled_or_overtaken(
    producers: list[list[int]], consumers: list[int], cancel_after: list[int]
) -> None:
    """Producers wait for room; consumers (of a pace each) are cancelled, the last one finishes the work."""

    async def main() -> None:
        queue: BoundedQueue[tuple[int, int, int]] = BoundedQueue("test", CAPACITY, size=lambda item: item[2])
        put: list[tuple[int, int, int]] = []
        got: list[tuple[int, int, int]] = []

        async def produce(producer: int, sizes: list[int]) -> None:
            for number, size in enumerate(sizes):
                await queue.put((producer, number, size))
                put.append((producer, number, size))
                assert queue.held <= CAPACITY or len(queue) == 1

        async def consume(pace: int) -> None:
            while True:
                got.append(await queue.get())
                for _ in range(pace):
                    await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            taking = [group.create_task(consume(pace)) for pace in consumers]
            making = [group.create_task(produce(i, sizes)) for i, sizes in enumerate(producers)]
            for index, turns in enumerate(cancel_after):
                for _ in range(turns):
                    await asyncio.sleep(0)
                (taking if index % 2 else making)[index % len(taking if index % 2 else making)].cancel()
            if all(task.done() or task.cancelling() for task in taking):
                taking.append(group.create_task(consume(0)))
            await asyncio.gather(*making, return_exceptions=True)
            await asyncio.sleep(1)
            for task in taking:
                task.cancel()
        # Whoever was cancelled while it waited has put nothing; whatever was put was taken.
        assert len(queue) == 0
        assert queue.held == 0
        assert sorted(got) == sorted(put)
        assert queue.statistics.accepted == len(put)
        for producer in range(len(producers)):
            numbers = [number for who, number, _ in got if who == producer]
            assert numbers == sorted(numbers)

    run_virtual(main())


def test_close_wakes_everyone_who_waits() -> None:
    async def main() -> None:
        empty, full = sized_queue(), sized_queue()
        full.put_nowait((0, CAPACITY))
        waiting = [
            asyncio.ensure_future(work)
            for work in (empty.get(), empty.get(), full.put((1, 1)), full.put((2, 1)))
        ]
        await asyncio.sleep(1)
        assert not any(task.done() for task in waiting)
        for queue in (empty, full):
            queue.close()
            queue.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [QueueClosed] * 4
        with pytest.raises(QueueClosed):
            full.put_nowait((3, 0))
        assert await full.get() == (0, CAPACITY)
        with pytest.raises(QueueClosed):
            await full.get()

    run_virtual(main())


def test_waiting_for_room_and_for_an_item() -> None:
    async def main() -> None:
        queue = sized_queue()
        await queue.put((0, 3))
        late = asyncio.ensure_future(queue.put((1, 2)))
        await asyncio.sleep(1)
        assert not late.done()
        assert await queue.get() == (0, 3)
        await late
        assert await queue.get() == (1, 2)
        early = asyncio.ensure_future(queue.get())
        await asyncio.sleep(1)
        assert not early.done()
        queue.put_nowait((2, 1))
        assert await early == (2, 1)

    run_virtual(main())


def test_dropping_never_waits_and_tells_once_a_burst() -> None:
    async def main() -> None:
        queue = BoundedQueue[int]("test", 2, when_full="drop_oldest")
        for number in range(10):
            await queue.put(number)
        assert queue.statistics.as_dict() == {
            "capacity": 2,
            "unit": "items",
            "when_full": "drop_oldest",
            "high_water": 2,
            "accepted": 10,
            "dropped": 8,
        }
        assert [await queue.get(), await queue.get()] == [8, 9]

    run_virtual(main())
