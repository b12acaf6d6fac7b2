"""The page lists every check, with its promise and what it says when that is broken."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from tests.conformance.broken import end_of_turn, llm, providers, streams, stt, transport, tts, vad
from tests.conformance.proof import BROKEN

from voicebot.testing import conformance as kits
from voicebot.testing.conformance.streams import StreamConformance

FAMILIES = (providers, streams, vad, stt, end_of_turn, llm, tts, transport)
PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
CLASSES: tuple[type[Any], ...] = (
    kits.ProviderConformance,
    StreamConformance,
    kits.VADConformance,
    kits.STTConformance,
    kits.EndOfTurnConformance,
    kits.LLMConformance,
    kits.TTSConformance,
    kits.TransportConformance,
)


def rows() -> list[str]:
    """One per check, in the order of the classes."""
    return [
        f"| `{name}` | {inspect.getdoc(check)} | {_messages(check)} |"
        for kind in CLASSES
        for name, check in vars(kind).items()
        if name.startswith("test_")
    ]


def _messages(check: Any) -> str:
    messages = {broken.message for broken in BROKEN if getattr(broken.kit, broken.check) is check}
    return " ".join(f"`{message}`" for message in sorted(messages)) or "It only measures."


def test_the_page_lists_every_check() -> None:
    assert re.findall(r"^\| `test_.*$", PAGE.read_text(), re.MULTILINE) == rows()


def held_bytes() -> str:
    """The default, and the kinds that have another."""
    default = kits.ProviderConformance.held_bytes
    others = [
        f"{kind.__name__.removesuffix('Conformance')} {kind.held_bytes >> 10} KiB"
        for kind in CLASSES
        if kind.held_bytes != default
    ]
    return f"{default >> 10} KiB ({', '.join(others)})"


def test_the_page_gives_the_limits() -> None:
    kind, page = kits.ProviderConformance, PAGE.read_text()
    for name in ("limit_s", "cancel_s", "rest_s"):
        assert f"| `{name}` | {getattr(kind, name):g} |" in page
    assert f"| `held_bytes` | {held_bytes()} |" in page
