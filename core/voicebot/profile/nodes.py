"""The tree a profile is read into: plain values that remember where they were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicebot.errors import ProfileError

__all__ = ["Node", "Place", "Scalar"]

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, or an environment variable."""

    file: Path | None = None
    line: int | None = None
    variable: str = ""

    def error(self, message: str, key: str, hint: str = "") -> ProfileError:
        """The error to raise about what stands here."""
        key = ": ".join(part for part in (self.variable, key) if part)
        return ProfileError(message, file=self.file, line=self.line, key=key, hint=hint)


@dataclass(frozen=True, slots=True)
class Node:
    """A mapping, a list or a scalar, with the place of its key (or of the value itself inside a list)."""

    value: dict[str, Node] | list[Node] | Scalar
    place: Place
    secret: bool = False
    """Whether the value came from the environment: it is never shown."""
    problems: tuple[ProfileError, ...] = ()
    """What is wrong with the text here, should the value be used: a later layer may replace it."""

    def plain(self) -> Any:
        """The tree as plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def children(self) -> dict[str, Node]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def find(self, path: Sequence[str | int]) -> tuple[Node, int]:
        """The deepest node along a path, and how many of the path's parts lead to it."""
        node, depth = self, 0
        for part in path:
            if isinstance(node.value, dict) and part in node.value:
                node = node.value[str(part)]
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
            else:
                break
            depth += 1
        return node, depth

    def scalars(self) -> Iterator[Node]:
        """All leaves."""
        if isinstance(self.value, dict):
            for child in self.value.values():
                yield from child.scalars()
        elif isinstance(self.value, list):
            for child in self.value:
                yield from child.scalars()
        else:
            yield self
