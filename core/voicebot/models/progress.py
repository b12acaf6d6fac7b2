"""What `pull` tells whoever watches it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Told about one piece of work at a time; called from the thread that pulls."""

    def begin(self, label: str, total: int, done: int = 0) -> None:
        """A download or a conversion starts, `done` of its `total` bytes being there already."""
        ...

    def update(self, done: int) -> None:
        """`done` bytes of it are there now (fewer than before where it had to start again)."""
        ...

    def end(self) -> None:
        """It has finished, or was given up."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line: a retry, a source that failed, a wait."""
        ...


class Silent:
    """Tells nobody."""

    def begin(self, label: str, total: int, done: int = 0) -> None: ...

    def update(self, done: int) -> None: ...

    def end(self) -> None: ...

    def note(self, text: str) -> None: ...
