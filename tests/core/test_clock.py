"""The virtual clock: idle waiting is skipped, real work takes its real time."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.clock import VirtualClockLoop
from voicebot.testing import run_virtual
from voicebot.testing.running import LeakedTasksError


def now() -> float:
    return asyncio.get_running_loop().time()


def virtual_loop() -> VirtualClockLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    return loop


def test_hours_pass_at_once_and_exactly() -> None:
    async def main() -> None:
        assert now() == 0
        await asyncio.sleep(5_000)
        assert now() == 5_000
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3_600)
        assert now() == 8_600

    before = time.monotonic()
    run_virtual(main())
    assert time.monotonic() - before < 1_000


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=8))
def test_timers_fire_in_order_and_on_time(delays: list[tuple[float, float]]) -> None:
    fired: list[float] = []

    async def wait(first: float, second: float) -> None:
        for delay in (first, second):
            due = now() + delay
            await asyncio.sleep(delay)
            assert now() == pytest.approx(due, abs=1e-6)
            fired.append(now())

    async def main() -> None:
        await asyncio.gather(*(wait(*pair) for pair in delays))

    run_virtual(main())
    assert fired == sorted(fired)


def test_a_thread_takes_its_real_time() -> None:
    async def main() -> None:
        release = threading.Event()

        def work() -> float:
            release.wait()
            return time.monotonic()

        alarms: list[float] = []
        asyncio.get_running_loop().call_later(1_000, alarms.append, 1)
        real, virtual = time.monotonic(), now()
        job = asyncio.ensure_future(asyncio.to_thread(work))
        await asyncio.sleep(0)
        assert virtual_loop().threads_are_busy
        # Short waits are real ones now, so the long one cannot have been skipped to.
        for _ in range(5):
            await asyncio.sleep(0.002)
        release.set()
        ended = await job
        assert alarms == []
        assert 0.01 <= now() - virtual <= time.monotonic() - real
        assert now() - virtual == pytest.approx(ended - real, abs=0.5)
        assert not virtual_loop().threads_are_busy
        await asyncio.sleep(2_000)
        assert alarms == [1]

    run_virtual(main())


def test_the_loops_own_work_counts_while_a_thread_is_busy() -> None:
    async def main() -> None:
        release = threading.Event()
        job = asyncio.ensure_future(asyncio.to_thread(release.wait))
        await asyncio.sleep(0.001)
        virtual, real = now(), time.monotonic()
        while time.monotonic() - real < 0.02:
            pass
        await asyncio.sleep(0)
        assert now() - virtual >= 0.02
        release.set()
        await job

    run_virtual(main())


class _SlowToTell(Executor):
    """A job's result arrives only when it is released, long after its function has returned."""

    def __init__(self) -> None:
        self.returned, self.release = threading.Event(), threading.Event()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            result = fn(*args, **kwargs)
            self.returned.set()
            self.release.wait()
            future.set_result(result)

        threading.Thread(target=work).start()
        return future


def test_a_job_counts_until_its_result_has_arrived() -> None:
    """Else the clock could jump to the job's own timeout in between."""

    async def main() -> None:
        loop, executor = virtual_loop(), _SlowToTell()
        job = loop.run_in_executor(executor, divmod, 7, 2)
        executor.returned.wait()
        await asyncio.sleep(0)
        assert loop.threads_are_busy
        executor.release.set()
        assert await asyncio.wait_for(job, 1_000) == (3, 1)
        assert not loop.threads_are_busy
        assert now() < 1_000

    run_virtual(main())


def test_jobs_cancelled_in_the_queue_or_while_running_are_not_waited_for() -> None:
    async def main() -> None:
        release = threading.Event()
        loop = virtual_loop()
        with ThreadPoolExecutor(1) as pool:
            running, queued = (loop.run_in_executor(pool, release.wait) for _ in range(2))
            await asyncio.sleep(0.001)
            assert loop.threads_are_busy
            queued.cancel()
            await asyncio.sleep(0.001)
            assert loop.threads_are_busy
            running.cancel()
            await asyncio.sleep(0.001)
            assert not loop.threads_are_busy
            virtual = now()
            await asyncio.sleep(10_000)
            assert now() == pytest.approx(virtual + 10_000, abs=1)
            release.set()

    run_virtual(main())


def test_a_failing_job_and_a_closed_pool_leave_nothing_counted() -> None:
    async def main() -> None:
        loop = virtual_loop()
        with ThreadPoolExecutor(1) as pool:
            with pytest.raises(ZeroDivisionError):
                await loop.run_in_executor(pool, divmod, 1, 0)
            assert not loop.threads_are_busy
        with pytest.raises(RuntimeError, match="shutdown"):
            loop.run_in_executor(pool, divmod, 1, 1)
        assert not loop.threads_are_busy

    run_virtual(main())


def test_an_open_socket_runs_in_real_time() -> None:
    async def main() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(echo, "127.0.0.1")
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            real, virtual = time.monotonic(), now()
            # An hour of patience that must not be skipped.
            assert await asyncio.wait_for(reader.readline(), 3_600) == b"hello\n"
            await asyncio.sleep(0.01)
            assert 0.01 <= now() - virtual <= time.monotonic() - real + 0.001
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0)
        virtual = now()
        await asyncio.sleep(10_000)
        assert now() >= virtual + 10_000

    run_virtual(main())


def test_a_foreign_thread_wakes_a_loop_that_has_nothing_to_wait_for() -> None:
    async def main() -> None:
        woken = asyncio.Event()
        thread = threading.Thread(target=asyncio.get_running_loop().call_soon_threadsafe, args=(woken.set,))
        thread.start()
        await woken.wait()
        thread.join()

    run_virtual(main())


def test_the_loop_closes_and_its_selector_with_it() -> None:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        loop = runner.get_loop()
        runner.run(asyncio.sleep(1))
    assert loop.is_closed()


def test_a_descriptor_may_be_watched_both_ways() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            readable, writable = asyncio.Event(), asyncio.Event()
            loop.add_reader(near, readable.set)
            loop.add_writer(near, writable.set)
            await writable.wait()
            assert not readable.is_set()
            assert loop.remove_writer(near)
            far.send(b"x")
            await readable.wait()
            assert loop.remove_reader(near)
            assert not loop.remove_reader(near)

    run_virtual(main())


def test_run_virtual_names_tasks_that_were_left_behind() -> None:
    async def main() -> None:
        asyncio.get_running_loop().create_task(asyncio.sleep(10), name="stray")

    work: Coroutine[Any, Any, None] = main()
    with pytest.raises(LeakedTasksError, match="stray"):
        run_virtual(work)
