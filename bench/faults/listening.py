"""All that is told while a call is held: the log, and the events."""

from __future__ import annotations

import json
import logging
from types import TracebackType
from typing import Self

from bench.faults.stages import KEY

from voicebot.events import Event, ProviderFailed, as_message

__all__ = ["Listener"]

_FORMAT = logging.Formatter("%(levelname)s %(name)s: %(message)s")


class Listener(logging.Handler):
    """Hears all of voicebot's log, the others' from INFO on, and the events of a call."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_FORMAT)
        self.lines: list[str] = []
        """Whole, tracebacks included."""
        self.warnings: list[str] = []
        self.events: list[Event] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        if record.levelno >= logging.WARNING:
            self.warnings.append(record.getMessage())

    def __enter__(self) -> Self:
        root, own = logging.getLogger(), logging.getLogger("voicebot")
        self._levels = root.level, own.level
        root.addHandler(self)
        root.setLevel(logging.INFO)
        own.setLevel(logging.DEBUG)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        root, own = logging.getLogger(), logging.getLogger("voicebot")
        root.removeHandler(self)
        root.setLevel(self._levels[0])
        own.setLevel(self._levels[1])

    def told(self) -> list[str]:
        """Warnings and worse, and what the call's events say of failures, in short."""
        failed = [
            f"event provider_failed: {event.message}"
            for event in self.events
            if isinstance(event, ProviderFailed)
        ]
        return list(dict.fromkeys([*self.warnings, *failed]))

    def problems(self, *more: str) -> list[str]:
        """Tracebacks and secrets, here and in these texts."""
        texts = [*self.lines, *(json.dumps(as_message(event)) for event in self.events), *more]
        found = []
        if any("Traceback (most recent call last)" in text for text in texts):
            found.append("traceback")
        if any(KEY in text for text in texts):
            found.append("secret")
        return found
