"""The server's list of voices, and whether ours is on it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voicebot.errors import EngineError
from voicebot.plugins import nearest

__all__ = ["Voice", "check_voice", "read_voices"]

_NAMED = 5
_SKIPS = "(`check_voice: false` skips this check.)"


@dataclass(frozen=True, slots=True)
class Voice:
    language: str
    multispeaker: bool
    speakers: tuple[str, ...]
    """Names, in the order of their numbers; empty where the server does not tell them."""


def read_voices(body: bytes) -> dict[str, Voice] | None:
    """The voices in an answer to GET /api/voices, by SYSTEM:VOICE, or None where it is no such list."""
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(listed, dict):
        return None
    found = {
        name: Voice(str(entry.get("language") or ""), entry.get("multispeaker") is True, _speakers(entry))
        for name, entry in listed.items()
        if ":" in name and name.isprintable() and isinstance(entry, dict)
    }
    return found or None


def _speakers(entry: Mapping[str, Any]) -> tuple[str, ...]:
    speakers = entry.get("speakers")
    if not isinstance(speakers, dict):
        return ()
    numbered = [(number, name) for name, number in speakers.items() if isinstance(number, int)]
    return tuple(name for _, name in sorted(numbered) if name.isprintable())


def check_voice(name: str, speaker: str, voices: Mapping[str, Voice], where: str) -> None:
    """eSpeak's variants (`espeak:en-us+f3`) are not listed, nor are the languages of which it picks a voice itself.

    Raises:
        EngineError: the server has no such voice, or the voice no such speaker; it names the nearest.
    """
    system, _, own = name.partition(":")
    voice = voices.get(name)
    if voice is None and system == "espeak":
        base = own.partition("+")[0]
        voice = voices.get(f"espeak:{base}") or next(
            (v for key, v in voices.items() if key.startswith("espeak:") and v.language == base), None
        )
    if voice is None:
        raise EngineError(
            f"{where} has no voice {name!r}.", hint=f"{_instead(name, system, voices)} {_SKIPS}"
        )
    if not speaker:
        return
    if not voice.multispeaker:
        raise EngineError(
            f"The voice {name} of {where} has one speaker only, and none that is called {speaker!r}.",
            hint="Leave the speaker away.",
        )
    count = len(voice.speakers)
    by_number = speaker.isdecimal() and speaker.isascii() and int(speaker[:9]) < count
    if count and speaker not in voice.speakers and not by_number:
        close = nearest(speaker, voice.speakers)
        hint = f"Did you mean {close}?" if close else f"It has {_some(voice.speakers)}."
        raise EngineError(f"The voice {name} of {where} has no speaker {speaker!r}.", hint=f"{hint} {_SKIPS}")


def _instead(name: str, system: str, voices: Mapping[str, Voice]) -> str:
    systems = sorted({key.partition(":")[0] for key in voices})
    if system not in systems:
        return f"It has voices of {', '.join(systems)}, and none of {system}."
    same = [key for key in voices if key.startswith(f"{system}:")]
    close = nearest(name.partition(":")[2], [key.partition(":")[2] for key in same])
    return f"Did you mean {system}:{close}?" if close else f"It has {_some(same)}."


def _some(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
