"""A copy of a recording that does not say what was said.

Every word is masked: letters become `x` where the user said them, else `z`, digits `0`, so that lengths and sentences
stay. Of the user's words those stay by which a session decides and which tell nothing: words of agreement and
of stopping ("yeah", "wait"), and a last word that leaves the sentence open ("and"). All sound becomes noise that is as
loud, every 40 ms, as what it stands for. Digests of the audio are blanked: a redacted recording is replayed
by order alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import numpy as np

from voicebot.access.call_limits import LimitStep, limit_text
from voicebot.access.settings import LimitTexts
from voicebot.audio import Samples
from voicebot.errors import RecordingError
from voicebot.fallback import apology_text
from voicebot.language.backchannels import is_backchannel
from voicebot.language.endings import ending
from voicebot.language.stops import begins_with_stop
from voicebot.replaying import lines
from voicebot.replaying.about import About
from voicebot.replaying.files import ABOUT, STREAM, as_flac, as_json, write_zip
from voicebot.replaying.reading import Content, read_content, read_files, read_lines
from voicebot.tools.filler import default_filler

__all__ = ["mask", "mask_user", "noise_like", "redacted", "write_redacted"]

ENVELOPE_S = 0.04
CALL_ID = "redacted"

_USER_EVENTS = ("user_transcript", "pause_judged", "interruption_judged", "speculation_discarded")
_KEPT_KEYS = (
    *("name", "state", "ending", "why", "reason", "ended", "limit", "queue", "what"),
    *("kind", "plugin", "next_plugin", "distribution", "code", "message", "stage", "action", "errors"),
    *("tool", "tools", "problem", "guilty"),
)
"""Fields of events that hold no words of the call; errors are the engines' own words, and stay."""


def write_redacted(source: Path, target: Path) -> None:
    """Write a redacted copy of a recording.

    Raises:
        RecordingError: the source is no recording, or the copy cannot be written.
    """
    content = redacted(read_files(source), str(source))
    try:
        write_zip(target, content.items())
    except OSError as error:
        raise RecordingError(f"{target} cannot be written: {error.strerror}.") from error


def redacted(content: Content, name: str) -> Content:
    """A recording's files, redacted.

    Raises:
        RecordingError: they are no recording.
    """
    recording = read_content(content, name)
    language = recording.about.settings.agent.language
    copies = [_line(line, language) for _, line in read_lines(content[STREAM], name)]
    files = {
        ABOUT: as_json(_about(recording.about).model_dump(mode="json")),
        STREAM: b"".join(as_json(line.model_dump(mode="json")) + b"\n" for line in copies),
    }
    for file, samples in recording.sounds.items():
        rate = int(file.rpartition("-")[2])
        files[f"{file}.flac"] = as_flac(noise_like(samples, rate), rate)
    return files


# --- words ------------------------------------------------------------------------------------------------------------


def mask(text: str, letter: str = "z") -> str:
    """The text's shape: `letter` for letters, `0` for digits, everything else as it is."""
    return "".join(_masked(char, letter) for char in text)


def _masked(char: str, letter: str) -> str:
    if char.isalpha():
        return letter.upper() if char.isupper() else letter
    return "0" if char.isnumeric() else char


def mask_user(text: str, language: str) -> str:
    """The same, but for words that tell nothing, and by which a session decides."""
    words = list(re.finditer(r"[^\W\d_]+", text))
    # Not the agent's letter: the same words over would be taken for an echo of it.
    masked = list(mask(text, "x"))
    for word in words:
        alone = word[0]
        kept = is_backchannel(alone, language) or begins_with_stop(alone, language)
        # One letter may be of a name that is spelt; a comma makes any word an open one.
        last = word is words[-1] and len(alone) > 1
        if kept or (last and ending(text[: word.end()], language) == "open"):
            masked[word.start() : word.end()] = alone
    return "".join(masked)


def _line(line: lines.Line, language: str) -> lines.Line:
    """A line without its words."""
    if isinstance(line, lines.Interim | lines.Final | lines.Predict):
        blank = {"audio": ""} if isinstance(line, lines.Predict) else {}
        return line.model_copy(update={"text": mask_user(line.text, language), **blank})
    if isinstance(line, lines.Delta | lines.Word | lines.Synthesize | lines.ToolDone):
        return line.model_copy(update={"text": mask(line.text)})
    if isinstance(line, lines.Tool | lines.Call):
        return line.model_copy(update={"arguments": mask(line.arguments)})
    if isinstance(line, lines.Generate):
        return line.model_copy(update={"messages": tuple(map(_message, line.messages))})
    if isinstance(line, lines.UtteranceBegun):
        return line.model_copy(update={"head": ""})
    if isinstance(line, lines.Finalize):
        return line.model_copy(update={"audio": ""})
    if isinstance(line, lines.Window):
        return line.model_copy(update={"crc": 0})
    if isinstance(line, lines.Told):
        return line.model_copy(update={"event": _event(line.event, language)})
    return line


def _message(message: lines.Message) -> lines.Message:
    calls = tuple((id_, name, mask(arguments)) for id_, name, arguments in message.tool_calls)
    return message.model_copy(update={"content": mask(message.content), "tool_calls": calls})


def _event(event: dict[str, Any], language: str) -> dict[str, Any]:
    of_user = event.get("name") in _USER_EVENTS

    def masked(value: Any, key: str = "") -> Any:
        if key in _KEPT_KEYS:
            return value
        if isinstance(value, dict):
            return {name: masked(child, name) for name, child in value.items()}
        if isinstance(value, list):
            return [masked(child) for child in value]
        if not isinstance(value, str):
            return value
        if key == "call_id":
            return CALL_ID
        return mask_user(value, language) if of_user or key == "user_text" else mask(value)

    copy: dict[str, Any] = masked(event)
    return copy


def _about(about: About) -> About:
    settings = about.settings
    agent, language = settings.agent, settings.agent.language
    # Where the core has a text of its own, that too: else a replay would say it, and the log would have it masked.
    said = {
        "system_prompt": mask(agent.system_prompt),
        "greeting": mask(agent.greeting),
        "apology": mask(apology_text(language, agent.apology)),
    }
    limits = {
        step: mask(limit_text(step, language, settings.access.texts))
        for step in get_args(LimitStep)
        if step in LimitTexts.model_fields
    }
    filler = settings.tool_calls.filler
    filler = default_filler(language) if filler is None else filler
    settings = settings.model_copy(
        update={
            "agent": agent.model_copy(update=said),
            "access": settings.access.model_copy(update={"texts": LimitTexts(**limits)}),
            "tool_calls": settings.tool_calls.model_copy(update={"filler": mask(filler)}),
        }
    )
    tools = tuple(
        tool.model_copy(
            update={"description": "", "parameters": {}, "filler": tool.filler and mask(tool.filler)}
        )
        for tool in about.tools
    )
    engines = {
        kind: tuple(facts.model_copy(update={"settings": {}}) for facts in chain)
        for kind, chain in about.engines.items()
    }
    return about.model_copy(
        update={
            "settings": settings,
            "engines": engines,
            "tools": tools,
            "call_id": CALL_ID,
            "redacted": True,
        }
    )


# --- sound ------------------------------------------------------------------------------------------------------------


def noise_like(samples: Samples, rate: int) -> Samples:
    """Noise as loud as the sound, in steps of `ENVELOPE_S`; silence stays silent. The same for the same sound, always.

    One band of noise keeps a voice's rhythm and none of its words (Shannon et al., "Speech Recognition with Primarily
    Temporal Cues", Science 270, 1995: it takes three or four bands to understand a sentence).
    """
    step = round(rate * ENVELOPE_S)
    noise = np.random.default_rng(0).standard_normal(len(samples))
    out = np.zeros(len(samples), np.int16)
    for start in range(0, len(samples), step):
        piece = samples[start : start + step].astype(np.float64)
        level = float(np.sqrt(np.mean(piece**2)))
        out[start : start + step] = np.clip(noise[start : start + step] * level, -32768, 32767)
    return out
