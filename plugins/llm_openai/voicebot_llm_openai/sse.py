"""Server-sent events, read from bytes as they come. Sans-I/O.

After https://html.spec.whatwg.org/multipage/server-sent-events.html, of which a chat server uses only `data`. The
package httpx-sse does the same without a limit on what a server may make it hold, and believes a wrong charset in the
header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from voicebot.errors import EngineError

__all__ = ["MAX_EVENT_BYTES", "EventReader"]

MAX_EVENT_BYTES = 1 << 20
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
"""A return at the end of what came may be the first half of a line end."""


class EventReader:
    """Bytes in, each event's data out."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._begun = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The data of the events that these bytes complete.

        Raises:
            EngineError: an event is longer than `MAX_EVENT_BYTES`, or not UTF-8.
        """
        self._rest += data
        if not self._begun and len(self._rest) >= 3:
            self._begun = True
            self._rest = self._rest.removeprefix(b"\xef\xbb\xbf")
        # A line's beginning was searched before: only what came now can end it.
        search_from = max(0, len(self._rest) - len(data) - 1)
        start = 0
        for end in _LINE_END.finditer(self._rest, search_from):
            line = bytes(self._rest[start : end.start()])
            start = end.end()
            if line:
                self._take(line)
            elif self._data:
                yield self._event()
        del self._rest[:start]
        self._limit(len(self._rest))

    def end(self) -> Iterator[str]:
        """No more will come: an event that lacks only its blank line counts, as some servers leave it out.

        Raises:
            EngineError: it is not UTF-8.
        """
        line = bytes(self._rest).rstrip(b"\r")
        self._rest.clear()
        if line:
            self._take(line)
        if self._data:
            yield self._event()

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._size += len(value)
            self._limit(self._size)
            self._data.append(value.removeprefix(b" "))

    def _event(self) -> str:
        data, self._data, self._size = b"\n".join(self._data), [], 0
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise EngineError("The language model's server sends text that is not UTF-8.") from None

    def _limit(self, size: int) -> None:
        if size > MAX_EVENT_BYTES:
            raise EngineError(
                f"The language model's server sends an event of more than {MAX_EVENT_BYTES >> 20} MiB.",
                hint="Is base_url the address of a chat-completions server?",
            )
