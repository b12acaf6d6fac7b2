"""The messages that the troubleshooting page quotes are those of the program."""

from __future__ import annotations

import re

from tests.docs.reading import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SOURCES = (
    "core/voicebot/**/*.py",
    "plugins/*/voicebot_*/**/*.py",
    "sfu/worker/**/*.py",
    "sfu/client/src/*.ts",
)


def quoted() -> list[str]:
    """Block quotes, and what is in italics."""
    plain = re.sub(r"\s*\n\s*(?!>|\n)", " ", re.sub(r"\n\n", "\n\n\n", PAGE))
    return re.findall(r"^> (.+)$", PAGE, re.M) + re.findall(r"(?<![*\w])\*([^*\n]{20,})\*(?![*\w])", plain)


def program() -> str:
    text = "\n".join(file.read_text(encoding="utf-8") for pattern in SOURCES for file in ROOT.glob(pattern))
    return re.sub(r"\"\s*\n\s*f?\"", "", text).replace('\\"', '"')


def test_what_is_quoted_is_said() -> None:
    said = program()
    messages = quoted()
    assert len(messages) > 30
    wrong = [
        (message, piece)
        for message in messages
        for piece in re.split("…", message)
        if len(piece.strip()) > 3 and piece.strip(" .,:") not in said
    ]
    assert wrong == []
