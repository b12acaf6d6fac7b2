"""What a call worker reports comes from another process, and may be anything."""

from __future__ import annotations

from typing import Any

__all__ = ["LONGEST_MS", "as_mapping"]

LONGEST_MS = 3_600_000
"""What claims to have taken longer is no measurement."""


def as_mapping(value: Any) -> dict[str, Any]:
    """The value, or an empty one where it is no mapping."""
    return value if isinstance(value, dict) else {}
