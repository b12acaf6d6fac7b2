"""A last resort against plugins that never let go: of the event loop while they work, or of the process at its end."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from voicebot.clock import VirtualClockLoop

__all__ = ["exit_within", "run"]

P = ParamSpec("P")
T = TypeVar("T")

EXIT_GRACE_S = 2.0
FLUSH_S = 0.5


def run(main: Coroutine[Any, Any, T], *, virtual_clock: bool = False, blocked_after_s: float = 60.0) -> T:
    """`asyncio.run`, proof against plugins that hang.

    A thread that never returns is left behind (`exit_within` ends it with the process). An event loop that has not
    turned for `blocked_after_s` ends the process with exit code 2 and a message that names the line that holds it:
    nothing inside the process could take the loop back.
    """

    async def watched() -> T:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(_LeavingExecutor())
        with _loop_watched(loop, blocked_after_s):
            return await main

    factory = VirtualClockLoop if virtual_clock else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(watched())


def exit_within(code: int, grace_s: float = EXIT_GRACE_S) -> None:
    """The process ends with `code` after `grace_s` at the latest, whatever threads are still running."""

    def leave() -> None:
        time.sleep(grace_s)
        # Not here: where nobody reads the output, flushing it takes for ever, or fails.
        flushing = threading.Thread(target=_flush, daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)
        os._exit(code)

    threading.Thread(target=leave, name="exit watchdog", daemon=True).start()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


class _LeavingExecutor(ThreadPoolExecutor):
    """Does not wait for threads that do not end; the loop's own waits for ever. A job is in its caller's context."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        context, work = contextvars.copy_context(), partial(fn, *args, **kwargs)
        return super().submit(lambda: context.run(work))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + EXIT_GRACE_S
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))


@contextmanager
def _loop_watched(loop: asyncio.AbstractEventLoop, blocked_after_s: float) -> Iterator[None]:
    done, turned = threading.Event(), threading.Event()
    loop_thread = threading.get_ident()

    def watch() -> None:
        while not done.wait(1.0):
            turned.clear()
            try:
                loop.call_soon_threadsafe(turned.set)
            except RuntimeError:
                return
            if not turned.wait(blocked_after_s) and not done.is_set():
                _give_up(sys._current_frames().get(loop_thread), blocked_after_s)

    thread = threading.Thread(target=watch, name="loop watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        turned.set()


def _give_up(frame: FrameType | None, blocked_after_s: float) -> None:
    where = culprit = ""
    if frame is not None:
        stack = traceback.extract_stack(frame)
        where = f"{stack[-1].filename}:{stack[-1].lineno} in {stack[-1].name}"
        culprit = _distribution_on(frame)
    exit_within(2)  # even where nobody reads what follows
    sys.stderr.write(
        f"Error: the event loop has been blocked for {blocked_after_s:g} s"
        + (f" by a plugin of {culprit}" if culprit else "")
        + (f", at {where}" if where else "")
        + "\n  Blocking work belongs in a thread (asyncio.to_thread). The call cannot be saved.\n"
    )
    sys.stderr.flush()
    os._exit(2)


def _distribution_on(frame: FrameType | None) -> str:
    """The distribution of the innermost plugin on the stack, or ""."""
    from voicebot.plugins import list_plugins

    owners = {info.target.split(":")[0].split(".")[0]: info.origin for info in list_plugins()}
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).split(".")[0]
        if package in owners:
            return owners[package]
        frame = frame.f_back
    return ""
