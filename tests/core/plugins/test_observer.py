"""A hook plugin's thread and queue."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from voicebot import observer
from voicebot.observer import QUEUE_SIZE, Observer

SAFETY_S = 30.0
"""Nothing waits for so long, unless the test fails."""


class Plugin:
    """Remembers what it is told; once it is held, each hook waits to be let go."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.threads: set[int] = set()
        self.calls = threading.Semaphore(0)
        self.tickets: threading.Semaphore | None = None
        self.observer = Observer("hook plugin 'slow' of slow-dist 1.0", {"heard": self.heard})

    def heard(self, arguments: Mapping[str, Any]) -> None:
        self.seen.append(arguments["what"])
        self.threads.add(threading.get_ident())
        self.calls.release()
        if self.tickets is not None:
            assert self.tickets.acquire(timeout=SAFETY_S)
        if isinstance(arguments["what"], BaseException):
            raise arguments["what"]

    def tell(self, *what: object) -> None:
        for one in what:
            self.observer.tell("heard", {"what": one})

    def hold(self) -> threading.Semaphore:
        """It is told of one thing, and waits; what is released lets it go on."""
        self.tickets = threading.Semaphore(0)
        self.tell("held")
        self.wait_called()
        return self.tickets

    def wait_called(self) -> None:
        assert self.calls.acquire(timeout=SAFETY_S)

    def finish(self) -> None:
        if self.tickets is not None:
            self.tickets.release(10_000)
        self.observer.close()
        self.observer.wait(SAFETY_S)


@pytest.fixture
def plugin(caplog: pytest.LogCaptureFixture) -> Plugin:
    caplog.set_level(logging.WARNING, observer.__name__)
    return Plugin()


def test_it_is_told_in_order_in_one_thread_that_is_not_the_callers(plugin: Plugin) -> None:
    plugin.tell(*range(100))
    plugin.observer.tell("another hook", {"what": "not for it"})
    plugin.finish()
    assert plugin.seen == list(range(100))
    assert len(plugin.threads - {threading.get_ident()}) == 1


def test_nothing_to_tell_needs_no_thread(plugin: Plugin) -> None:
    before = threading.active_count()
    plugin.observer.tell("another hook", {"what": "not for it"})
    plugin.finish()
    assert threading.active_count() == before


def test_the_oldest_is_dropped_and_counted(plugin: Plugin) -> None:
    plugin.hold()
    plugin.tell(*range(QUEUE_SIZE + 10))
    taken = plugin.observer.take_statistics()
    assert (taken.accepted, taken.dropped, taken.high_water) == (QUEUE_SIZE + 11, 10, QUEUE_SIZE)
    plugin.finish()
    assert plugin.seen[0] == "held"
    assert plugin.seen[1] in (10, 11)  # what ends the queue takes a place, too, where it is still full
    assert plugin.seen[-1] == QUEUE_SIZE + 9
    assert plugin.observer.take_statistics().accepted == 0


def test_that_it_drops_is_said_once_until_it_has_caught_up(
    plugin: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    warning = (
        "hook plugin 'slow' of slow-dist 1.0 is too slow: 256 things wait for it, and the oldest are dropped"
    )
    tickets = plugin.hold()
    plugin.tell(*range(QUEUE_SIZE + 1))
    for _ in range(3):  # there is room for one more, and no room again
        tickets.release()
        plugin.wait_called()
        plugin.tell("one", "two")
    assert caplog.messages == [warning]
    tickets.release(QUEUE_SIZE)
    for _ in range(QUEUE_SIZE):
        plugin.wait_called()
    plugin.tell(*range(QUEUE_SIZE + 1))
    assert caplog.messages == [warning] * 2
    plugin.finish()


@pytest.mark.parametrize("failure", [ValueError("no"), SystemExit(1)])
def test_failures_are_logged_until_it_works_again(
    failure: BaseException, plugin: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    plugin.tell(failure, failure, failure, "fine", "fine")
    plugin.finish()
    assert plugin.seen[-1] == "fine"
    first, second = caplog.records
    assert first.getMessage() == (
        "hook plugin 'slow' of slow-dist 1.0 failed in heard; that it fails again is not logged"
    )
    assert first.exc_info is not None
    assert first.exc_info[1] is failure
    assert second.getMessage() == "hook plugin 'slow' of slow-dist 1.0 works again in heard, after 3 failures"


def test_a_slow_hook_is_named_once(
    plugin: Plugin, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "SLOW_S", -1.0)
    plugin.tell(1, 2)
    plugin.finish()
    [record] = caplog.records
    assert record.getMessage().startswith("hook plugin 'slow' of slow-dist 1.0 is slow: heard took ")


def test_one_that_never_returns_is_left_behind(plugin: Plugin, caplog: pytest.LogCaptureFixture) -> None:
    plugin.hold()
    plugin.observer.close()
    plugin.observer.wait(-1.0)
    assert [record.getMessage() for record in caplog.records] == [
        "hook plugin 'slow' of slow-dist 1.0 is left behind: it is still busy with heard"
    ]
    plugin.tell("after the end")
    plugin.finish()
    assert plugin.seen == ["held"]


def test_where_there_is_no_thread_to_be_had_it_is_tried_again(
    plugin: Plugin, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_more_threads)
        plugin.tell("first")
    plugin.tell("second")
    plugin.finish()
    assert plugin.seen == ["first", "second"]
    assert caplog.messages == ["hook plugin 'slow' of slow-dist 1.0 cannot be told: can't start new thread"]


def _no_more_threads(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
