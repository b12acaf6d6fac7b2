"""The log: to standard error, as text or JSON, each record with the call and the turn that it belongs to."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from voicebot.errors import VoicebotError

__all__ = ["in_call", "in_turn", "log_to_stderr", "stderr_line"]

FORMATS = ("text", "json")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(within)s%(message)s"

_call: ContextVar[str | None] = ContextVar("voicebot_call", default=None)
_turn: ContextVar[int | None] = ContextVar("voicebot_turn", default=None)


@contextmanager
def in_call(call_id: str) -> Iterator[None]:
    """What is logged inside, and in tasks and threads begun inside, is of this call."""
    token = _call.set(call_id)
    try:
        yield
    finally:
        _call.reset(token)


@contextmanager
def in_turn(turn_id: int | None) -> Iterator[None]:
    """What is logged inside, and in tasks and threads begun inside, is of this turn."""
    token = _turn.set(turn_id)
    try:
        yield
    finally:
        _turn.reset(token)


def log_to_stderr(level: str, form: str) -> None:
    """Log from this level on, in this form; "" for `warning` and for `text`.

    Raises:
        VoicebotError: there is no such level, or no such form.
    """
    level, form = level or "warning", form or "text"
    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        names = ", ".join(name for name in known if known[name])
        raise VoicebotError(f"VOICEBOT_LOG: there is no log level {level!r}.", hint=f"Use one of {names}.")
    if form not in FORMATS:
        raise VoicebotError(
            f"VOICEBOT_LOG_FORMAT: there is no log format {form!r}.", hint=f"Use one of {', '.join(FORMATS)}."
        )
    handler = logging.StreamHandler()
    handler.addFilter(_with_ids)
    handler.setFormatter(_Json() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def stderr_line(line: str) -> str:
    """A line for standard error that is no log record, such as a message about a call worker, in the log's form."""
    as_json = any(isinstance(handler.formatter, _Json) for handler in logging.getLogger().handlers)
    if not as_json or _is_object(line):
        return line
    record = {"name": "voicebot", "levelno": logging.WARNING, "levelname": "WARNING", "msg": line}
    return _Json().format(logging.makeLogRecord(record))


def _with_ids(record: logging.LogRecord) -> bool:
    """A filter that lets everything through."""
    call_id, turn_id = record.call_id, record.turn_id = _call.get(), _turn.get()
    turn = "" if turn_id is None else f" turn {turn_id}"
    record.within = "" if call_id is None else f"[{call_id}{turn}] "
    return True


class _Json(logging.Formatter):
    """One object a line, in ASCII: nothing that is said in a call can end a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("call_id", "turn_id"):
            if (value := getattr(record, name, None)) is not None:
                entry[name] = value
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
