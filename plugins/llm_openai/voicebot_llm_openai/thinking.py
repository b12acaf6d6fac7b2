"""What a model writes for itself inside the text of its answer is not for the listener. Sans-I/O."""

from __future__ import annotations

__all__ = ["ThoughtFilter"]

_OPEN, _CLOSE = "<think>", "</think>"


class ThoughtFilter:
    """Text in, the same without a `<think>…</think>` at its beginning out; what may be one is held back."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "before"
        self.thought = False

    def feed(self, text: str) -> str:
        """What can be passed on."""
        if self._state == "after":
            return text
        self._held += text
        out = ""
        while True:
            if self._state == "before":
                begun = self._held.lstrip()
                if not self.thought:
                    out += self._held[: len(self._held) - len(begun)]
                self._held = begun
                if not begun.startswith(_OPEN):
                    if _OPEN.startswith(begun):
                        return out
                    self._state, self._held = "after", ""
                    return out + begun
                self._state, self._held, self.thought = "inside", begun.removeprefix(_OPEN), True
            _, closed, rest = self._held.partition(_CLOSE)
            if not closed:
                self._held = self._held[-len(_CLOSE) + 1 :]
                return out
            self._state, self._held = "before", rest

    def end(self) -> str:
        """What was held back, when no more text can come."""
        rest = self._held if self._state == "before" else ""
        self._held, self._state = "", "after"
        return rest
