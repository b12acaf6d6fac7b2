"""Threads for work that may never end: nobody waits for them, not even the interpreter at its exit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

__all__ = ["DaemonThreads", "ThreadsBusy"]

P = ParamSpec("P")
T = TypeVar("T")


class ThreadsBusy(Exception):
    """As many threads run as may."""


class DaemonThreads(Executor):
    """A thread of its own for each job; a `ThreadPoolExecutor`'s would be joined when the process ends.

    Args:
        limit: how many may run at once; a job beyond that is refused.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._running = 0

    @property
    def running(self) -> int:
        """Threads that work now, whether or not anyone waits for them."""
        with self._lock:
            return self._running

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run this in a thread.

        Raises:
            ThreadsBusy: too many run already, or the system gives no more.
        """
        with self._lock:
            if self._running >= self._limit:
                raise ThreadsBusy
            self._running += 1
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                self._ended()
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                self._ended()
                future.set_exception(error)
            else:
                self._ended()
                future.set_result(result)

        try:
            threading.Thread(target=work, name="voicebot tool", daemon=True).start()
        except RuntimeError as error:
            self._ended()
            raise ThreadsBusy from error
        return future

    def _ended(self) -> None:
        with self._lock:
            self._running -= 1
