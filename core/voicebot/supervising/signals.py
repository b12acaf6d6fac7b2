"""What a signal to `voicebot run` means (sans-I/O)."""

from __future__ import annotations

import signal
from typing import Literal

__all__ = ["DRAIN_SIGNAL", "Action", "Obedience"]

DRAIN_SIGNAL = signal.SIGUSR1
"""Sent by `voicebot drain`: drains however often it comes, where a second SIGTERM does not wait for calls any more."""

Action = Literal["drain", "stop", "kill", "nothing"]


class Obedience:
    """Tell it each signal.

    SIGTERM drains, and stops in order where it comes again. Ctrl-C, which a person at a terminal means now, stops in
    order, and at once where it comes when that has begun.

    Args:
        drains: whether there is a time for calls to end by themselves.
    """

    def __init__(self, *, drains: bool) -> None:
        self._drains = drains
        self._state: Literal["serving", "draining", "stopping"] = "serving"

    def signalled(self, number: signal.Signals) -> Action:
        """What is to be done about it."""
        if self._state == "stopping":
            return "kill" if number == signal.SIGINT else "nothing"
        if self._drains and number != signal.SIGINT:
            if self._state == "serving":
                self._state = "draining"
                return "drain"
            if number == DRAIN_SIGNAL:
                return "nothing"
        self._state = "stopping"
        return "stop"
