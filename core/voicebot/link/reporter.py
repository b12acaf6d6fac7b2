from __future__ import annotations

from voicebot.events import CallEnded, Event, ProviderFailed, as_message
from voicebot.link.call import LinkedCall
from voicebot.link.messages import WorkerEndReason

__all__ = ["CallReporter"]


class CallReporter:
    """Tells the page what happens in its call, and at the end why it is over."""

    def __init__(self, call: LinkedCall) -> None:
        self._call = call
        self._reason: WorkerEndReason = "hung_up"
        self._failure = ""

    def notify(self, event: Event) -> None:
        """Pass the event on. Never blocks."""
        if isinstance(event, ProviderFailed):
            self._failure = f"{event.kind} {event.plugin}: {event.message}"
        elif isinstance(event, CallEnded) and event.reason == "failed":
            self._reason = "failed"
        self._call.send_event(as_message(event))

    def end(self) -> None:
        """The call is over: for the reason that the events gave. Twice is fine."""
        self._call.end(self._reason, self._failure if self._reason == "failed" else "")
