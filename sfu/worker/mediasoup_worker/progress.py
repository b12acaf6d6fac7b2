"""ninja's `[n/m] …` lines as one moving line on a terminal, or a line per tenth elsewhere (a log, CI)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TextIO

_STEP = re.compile(r"\[(\d{1,9})/(\d{1,9})\]")
WIDTH = 30


class Progress:
    """Feed it lines; it writes to `out`. `now` is in seconds."""

    def __init__(self, what: str, out: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._what, self._out, self._now = what, out, now
        self._terminal = out.isatty()
        self._started = now()
        self._tenth = 0
        self._drawn = False

    def feed(self, line: str) -> None:
        step = _STEP.match(line)
        if step is None:
            return
        done, total = int(step[1]), int(step[2])
        if not 0 < done <= total:
            return
        elapsed = self._now() - self._started
        words = f"{self._what} [{done}/{total}] {int(elapsed) // 60}:{int(elapsed) % 60:02d}"
        if self._terminal:
            full = WIDTH * done // total
            self._out.write(f"\r{words} {'█' * full}{'·' * (WIDTH - full)}")
            self._drawn = True
        elif done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            self._out.write(words + "\n")
        self._out.flush()

    def close(self) -> None:
        """Leave the moving line."""
        if self._drawn:
            self._out.write("\n")
            self._out.flush()
            self._drawn = False
