"""Who is told what happens in a call: the far side at once, observers and the log from a bounded queue."""

from __future__ import annotations

import logging
from collections.abc import Callable

from voicebot.clock import now
from voicebot.events import (
    CallEnded,
    CallStarted,
    CallState,
    Event,
    ProviderFailed,
    QueueOverflowed,
    StateChanged,
    TurnMeasured,
)
from voicebot.interfaces import Connection
from voicebot.logs import in_turn
from voicebot.queues import BoundedQueue, QueueStatistics

__all__ = ["OBSERVER_QUEUE_EVENTS", "Telling"]

OBSERVER_QUEUE_EVENTS = 256

logger = logging.getLogger("voicebot.call")


class Telling:
    """Passes events on. A fault of whoever listens never reaches the call.

    Args:
        observe: called with each event by `run`, in order, off the audio path.
    """

    def __init__(self, connection: Connection, observe: Callable[[Event], None]) -> None:
        self.state: CallState | None = None
        self.queue = BoundedQueue[Event]("observers", OBSERVER_QUEUE_EVENTS, when_full="drop_oldest")
        self._connection = connection
        self._observe = observe

    def emit(self, event: Event) -> None:
        """Tell everybody, without waiting for anyone."""
        try:
            self._connection.notify(event)
        except Exception:
            logger.exception("the transport failed to pass on %s", type(event).__name__)
        self.queue.put_nowait(event)

    def become(self, state: CallState) -> None:
        """The call is in this state now; told when it is new."""
        if state != self.state:
            self.state = state
            self.emit(StateChanged(now(), state))

    def overflowed(self, name: str, statistics: QueueStatistics) -> None:
        logger.warning("queue %s is full (%g %s): dropping", name, statistics.capacity, statistics.unit)
        self.emit(QueueOverflowed(now(), name, statistics.dropped))

    async def run(self) -> None:
        """Serve observers until `close`, and until they have seen everything."""
        async for event in self.queue:
            _log(event)
            try:
                self._observe(event)
            except Exception:
                logger.exception("an observer failed on %s", type(event).__name__)

    def close(self) -> None:
        """No more events follow."""
        self.queue.close()


def _log(event: Event) -> None:
    """What an operator looks for, without what was said."""
    if isinstance(event, CallStarted):
        logger.info("the call begins")
    elif isinstance(event, CallEnded):
        logger.info("the call is over: %s", event.reason)
    elif isinstance(event, TurnMeasured):
        took_ms = event.report.get("voice_to_voice_ms")
        with in_turn(event.turn_id):
            logger.info("%s, voice to voice %s ms", event.report.get("ended"), took_ms or "-")
    elif isinstance(event, ProviderFailed):
        who = event.kind, event.plugin, event.distribution
        with in_turn(event.turn_id):
            logger.info("the %s plugin %r of %s failed: %s", *who, event.message)
