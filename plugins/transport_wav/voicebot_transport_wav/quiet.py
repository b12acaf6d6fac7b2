"""When a call of a recorded user is over: sans I/O, times in seconds."""

from __future__ import annotations

from typing import Literal

from voicebot.events import AgentTurnEnded, AgentTurnStarted, CallEnded, Event, StateChanged

__all__ = ["QuietWatch"]


class QuietWatch:
    """Watches the call's events for `tail_s` of nothing going on after the recording's end.

    A session that sends no events counts as listening.
    """

    def __init__(self, tail_s: float, max_wait_s: float) -> None:
        self._tail_s = tail_s
        self._max_wait_s = max_wait_s
        self._state = "listening"
        self._turn: int | None = None
        self._since = 0.0

    @property
    def state(self) -> str:
        return self._state

    def on_event(self, event: Event, now: float) -> None:
        before = self._busy
        if isinstance(event, StateChanged):
            self._state = event.state
        elif isinstance(event, AgentTurnStarted):
            self._turn = event.turn_id
        elif isinstance(event, AgentTurnEnded):
            self._turn = None
        elif isinstance(event, CallEnded):
            self._state = "ended"
        if before and not self._busy:
            self._since = now

    def verdict(self, recording_end: float, now: float) -> Literal["go_on", "quiet", "ended", "timeout"]:
        """Whether the call is over at `now`, and why."""
        if self._state == "ended":
            return "ended"
        if now < recording_end:
            return "go_on"
        if not self._busy and now - max(self._since, recording_end) >= self._tail_s:
            return "quiet"
        return "timeout" if now - recording_end >= self._max_wait_s else "go_on"

    @property
    def _busy(self) -> bool:
        return self._turn is not None or self._state != "listening"
