"""A hook plugin's own thread: what it is told waits in a bounded queue, and what it does there delays nobody else."""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from voicebot.queues import QueueStatistics

__all__ = ["QUEUE_SIZE", "SLOW_S", "Hook", "Observer"]

QUEUE_SIZE = 256
SLOW_S = 1.0
"""A hook that takes longer is named in the log, once."""

Hook = Callable[[Mapping[str, Any]], object]
"""Calls a plugin's implementation of a hook with those of these arguments that it takes."""

_log = logging.getLogger(__name__)


class Observer:
    """Calls one plugin's hooks in its own thread, in order, one at a time.

    Where the queue is full the oldest is dropped. A hook that raises is logged, once until it works again. The thread
    begins with the first thing to tell, and is a daemon: a plugin that never returns does not keep the process.

    Args:
        label: the plugin and its distribution, for the log.
        hooks: its implementations by the hook's name.
    """

    def __init__(self, label: str, hooks: Mapping[str, Hook]) -> None:
        self._label = label
        self._hooks = hooks
        self._queue: queue.Queue[tuple[contextvars.Context, str, Mapping[str, Any]] | None]
        self._queue = queue.Queue(QUEUE_SIZE)
        self._thread: threading.Thread | None = None
        self._statistics = self._fresh()
        self._behind = False
        self._closed = False
        self._busy_with = ""
        self._failures: Counter[str] = Counter()
        self._said_slow = False

    def tell(self, hook: str, arguments: Mapping[str, Any]) -> None:
        """Let the plugin know, without waiting for it; nothing where it does not implement this hook."""
        if hook in self._hooks and not self._closed:
            self._put((contextvars.copy_context(), hook, arguments))
            self._statistics.accepted += 1
            self._statistics.high_water = max(self._statistics.high_water, self._queue.qsize())
            self._start()

    def take_statistics(self) -> QueueStatistics:
        """The queue's counters since this was last asked for."""
        taken, self._statistics = self._statistics, self._fresh()
        return taken

    def close(self) -> None:
        """Nothing more will be told; twice is fine."""
        if not self._closed:
            self._closed = True
            self._put(None)

    def wait(self, timeout_s: float) -> None:
        """After `close`: until the plugin has been told everything, or this has passed."""
        if self._thread is None:
            return
        self._thread.join(max(0.0, timeout_s))
        if self._thread.is_alive():
            _log.warning("%s is left behind: it is still busy with %s", self._label, self._busy_with)

    @staticmethod
    def _fresh() -> QueueStatistics:
        return QueueStatistics(QUEUE_SIZE, "items", "drop_oldest")

    def _put(self, item: tuple[contextvars.Context, str, Mapping[str, Any]] | None) -> None:
        self._behind = self._behind and not self._queue.empty()
        while True:
            try:
                self._queue.put_nowait(item)
                break
            except queue.Full:
                with suppress(queue.Empty):
                    self._queue.get_nowait()
                    self._statistics.dropped += 1
                    self._fell_behind()

    def _fell_behind(self) -> None:
        """Said once until it has caught up: one that is always too slow drops now and again for ever."""
        if not self._behind:
            self._behind = True
            _log.warning(
                "%s is too slow: %d things wait for it, and the oldest are dropped", self._label, QUEUE_SIZE
            )

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=self._label, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # tried again with the next
                _log.warning("%s cannot be told: %s", self._label, error)
            else:
                self._thread = thread

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            context, hook, arguments = item
            self._busy_with = hook
            began_s = time.monotonic()
            context.run(self._call, hook, arguments)
            self._judge(hook, time.monotonic() - began_s)

    def _call(self, hook: str, arguments: Mapping[str, Any]) -> None:
        try:
            self._hooks[hook](arguments)
        except BaseException:  # a CancelledError, too, must not end the thread
            self._failures[hook] += 1
            if self._failures[hook] == 1:
                _log.exception("%s failed in %s; that it fails again is not logged", self._label, hook)
        else:
            if failures := self._failures.pop(hook, 0):
                _log.warning("%s works again in %s, after %d failures", self._label, hook, failures)

    def _judge(self, hook: str, took_s: float) -> None:
        if took_s > SLOW_S and not self._said_slow:
            self._said_slow = True
            _log.warning("%s is slow: %s took %.1f s", self._label, hook, took_s)
