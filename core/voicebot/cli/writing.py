"""Files that a command writes where the user told it to."""

from __future__ import annotations

from pathlib import Path

from voicebot.errors import VoicebotError

__all__ = ["write_text"]


def write_text(path: Path, text: str) -> None:
    """Write a report or the like, which ends with a newline.

    Raises:
        VoicebotError: it cannot be written there.
    """
    try:
        # Half an emoji, which models stream and UTF-8 cannot hold, becomes JSON's own escape.
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise VoicebotError(f"{path} cannot be written: {error.strerror}.") from error
