"""A fake server beside a test that has loops of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from voicebot.testing.fakes.http import FakeServer, Handler


@contextmanager
def served(handler: Handler) -> Iterator[str]:
    """The address of a server on a loop and a thread of its own."""
    ready, server = threading.Event(), FakeServer(handler)
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()

    async def main() -> None:
        loop.set_default_executor(ThreadPoolExecutor(1))
        await asyncio.to_thread(int)  # its thread is there before the checks count threads
        async with server:
            ready.set()
            await stopped.wait()

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=serve, name="fake server")
    thread.start()
    try:
        assert ready.wait(60)
        yield server.url
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(60)
