"""What the operator's page asks for, and what it gets (sans-I/O)."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Protocol

from voicebot.operating.guard import Guard

__all__ = ["HEADERS", "LARGEST_BODY", "Answer", "Request", "Shown", "Site", "Watch"]

LARGEST_BODY = 4_096
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="voicebot operator", charset="UTF-8"'}


class Shown(Protocol):
    """Whose page it is: `voicebot.operating.board.Board`."""

    def picture(self) -> dict[str, Any]: ...

    def hang_up(self, call_id: str, *, goodbye: bool) -> bool: ...


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watch:
    """The picture, again whenever it has changed, as server-sent events."""


def _text(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, text.encode(), headers=headers or {})


class Site:
    """Answers requests; nothing is shown, or done, before the guard has been asked."""

    def __init__(self, guard: Guard, shown: Shown) -> None:
        self._guard, self._shown = guard, shown
        self._files: dict[str, Answer] = {}
        for entry in (resources.files("voicebot.operating") / "page").iterdir():
            kind = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
            path = "/" if entry.name == "index.html" else f"/{entry.name}"
            self._files[path] = Answer(200, entry.read_bytes(), f"{kind}; charset=utf-8")

    def answer(self, request: Request) -> Answer | Watch:
        """What there is at a path: the page's files, `/state`, `/events` and `/hang-up`."""
        refusal = self._guard.refusal(request.method, request.headers)
        if refusal is not None:
            return _text(refusal.status, refusal.text, _CHALLENGE if refusal.status == 401 else None)
        path = request.path.partition("?")[0]
        allowed = "POST" if path == "/hang-up" else "GET"
        if request.method != allowed:
            return _text(405, f"Only {allowed}.\n", {"Allow": allowed})
        if path == "/events":
            return Watch()
        if path == "/state":
            return Answer(200, json.dumps(self._shown.picture()).encode(), "application/json")
        if path == "/hang-up":
            return self._hang_up(request.body)
        return self._files.get(path) or _text(404, "There is nothing here.\n")

    def _hang_up(self, body: bytes) -> Answer:
        try:
            wish = json.loads(body)
        except (ValueError, RecursionError):
            wish = None
        match wish:
            case {"call": str(call_id), "goodbye": bool(goodbye)}:
                done = self._shown.hang_up(call_id, goodbye=goodbye)
                return Answer(204) if done else _text(404, "That call is not on.\n")
        return _text(400, 'Send {"call": "…", "goodbye": true}.\n')
