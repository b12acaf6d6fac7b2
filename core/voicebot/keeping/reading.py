"""Reading a call's log, whatever became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from voicebot.keeping.schema import AuditLine

__all__ = ["LONGEST_LINE", "MAX_PROBLEMS", "AuditLog", "Problem", "read_lines", "read_log"]

LONGEST_LINE = 1024 * 1024
"""Bytes; a longer line is no line of a log, and is skipped without being held."""
MAX_PROBLEMS = 100
"""So many are described; more are counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that cannot be read, or a place where lines are missing."""

    line: int
    """In the file, from 1."""
    what: str


@dataclass(slots=True)
class AuditLog:
    lines: list[AuditLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0
    """Beyond those that are described."""
    torn: bool = False
    """The last line has no end: whoever wrote it was killed. It is left out, and no problem."""

    @property
    def whole(self) -> bool:
        """Every line that was written can be read."""
        return not self.problems

    def _problem(self, line: int, what: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(line, what))
        else:
            self.more_problems += 1


def read_log(path: Path) -> AuditLog:
    """Read a file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return read_lines(file)


def read_lines(file: BinaryIO) -> AuditLog:
    """Read a stream of any bytes: what is no line of a log becomes a problem, and the rest is read.

    Raises:
        OSError: it cannot be read.
    """
    log, expected = AuditLog(), 0
    for number, raw in _raw_lines(file):
        if raw is None:
            log._problem(number, f"longer than {LONGEST_LINE} bytes")
            continue
        if not raw.endswith(b"\n"):
            log.torn = True
            continue
        line, what = _parse(raw)
        if line is None:
            log._problem(number, what)
            continue
        if line.n != expected:
            log._problem(number, f"it says that it is line {line.n}; {expected} should follow")
        expected = line.n + 1
        log.lines.append(line)
    return log


def _raw_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Each line with its number; None for one that is too long."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) <= LONGEST_LINE:
            yield number, raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = file.readline(LONGEST_LINE + 1)
        yield number, None


def _parse(raw: bytes) -> tuple[AuditLine | None, str]:
    try:
        # Not pydantic's own reader: it refuses the halves of emoji that models stream.
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None, "no JSON"
    if not isinstance(value, dict):
        return None, "no JSON object"
    try:
        return AuditLine.model_validate(value), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return None, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
