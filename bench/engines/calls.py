"""One call of the matrix: held as a person would hold it, and judged by what was said and what was heard."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from bench.engines.choices import Combination
from rapidfuzz import fuzz

import voicebot
from voicebot.audio import AudioChunk
from voicebot.bench.words import word_errors
from voicebot.errors import AudioError
from voicebot.wav import read_wav

__all__ = ["QUESTION", "QUESTION_WAV", "Held", "Outcome", "hold", "judge", "write_profile"]

QUESTION = "What is the capital of France?"
QUESTION_WAV = Path(voicebot.__file__).parent / "samples" / "question.wav"
PROMPT = "Answer the question in one short English sentence."
"""What the small model understands without examples."""
COMMAND = (sys.executable, "-m", "voicebot", "call", "--quiet")
LIMIT_S = 120
LEAST_LIKENESS = 75
"""Of the ear's transcript and the agent's text, 0 to 100: Whisper does not have every word of a robot's voice."""

Status = Literal["ok", "failed", "not here"]


@dataclass(frozen=True)
class Outcome:
    """What came of one combination."""

    status: Status
    reason: str = ""
    """Why it is not ok."""
    voice_to_voice_ms: float | None = None
    hops_ms: dict[str, float] = field(default_factory=dict)
    dropped: int = 0
    """Chunks of sound and clauses, by the call's queues."""
    user_text: str = ""
    agent_text: str = ""
    ear_text: str = ""
    """What an ear that knows nothing of the call made of its recording."""
    likeness: float = 0.0


@dataclass(frozen=True)
class Held:
    """What `voicebot call` left behind."""

    code: int
    said: str
    """On standard error."""
    report: dict[str, Any] | None
    answer: AudioChunk | None


def write_profile(file: Path, base: Path, combination: Combination, addresses: Mapping[str, str]) -> None:
    """The combination as a profile that `voicebot call --profile` takes."""
    sections: dict[str, Any] = {choice.kind: choice.profile(addresses) for choice in combination}
    # As many threads as configs/local-piper.yaml has; the others do not mind.
    profile = {"extends": str(base), **sections, "agent": {"system_prompt": PROMPT}, "threads": {"tts": 2}}
    file.write_text(yaml.safe_dump(profile, sort_keys=False), encoding="utf-8")


def hold(profile: Path, folder: Path) -> Held:
    """Hold the call in a process of its own; its recording and its report stay in `folder`."""
    output, report = folder / "answer.wav", folder / "report.json"
    paths: list[str | Path] = ["--profile", profile, "--input", QUESTION_WAV]
    paths += ["--output", output, "--json", report]
    # The profile says all; a variable of the person who runs this must not change it.
    kept = ("VOICEBOT_MODELS_DIR",)
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("VOICEBOT_") or name in kept
    }
    try:
        done = subprocess.run(
            [*COMMAND, *paths], env=environ, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return Held(-1, f"the call did not end within {LIMIT_S} s", None, None)
    try:
        answer = read_wav(output)
    except AudioError:
        answer = None
    told = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    return Held(done.returncode, done.stderr, told, answer)


def judge(held: Held, listen: Callable[[AudioChunk], str]) -> Outcome:
    """Whether the call was as it should be, or the first thing that was not.

    Args:
        listen: transcribes the recording.
    """
    if held.report is None:
        return Outcome("failed", _first_line(held.said) or f"exit code {held.code}, and no report")
    turns = [turn for turn in held.report["turns"] if turn["turn"] > 0]
    user_text = " ".join(turn["user_text"] for turn in turns)
    agent_text = " ".join(turn["heard_text"] for turn in turns).strip()
    ear_text = listen(held.answer) if held.answer is not None else ""
    likeness = _likeness(ear_text, agent_text)

    def verdict() -> str:
        if errors := held.report["errors"] if held.report else []:
            return f"{errors[0]['kind']}: {errors[0]['plugin']}: {_first_line(errors[0]['message'])}"
        if "Traceback" in held.said:
            return f"a traceback: {_last_line(held.said)}"
        if held.code != 0:
            return _first_line(held.said) or f"exit code {held.code}, and no word of why"
        if not turns:
            return "no question was noticed"
        if word_errors(QUESTION, user_text)[0]:
            return f"it understood {user_text!r}"
        if len(turns) > 1:
            return f"the question became {len(turns)} turns"
        if (ended := turns[0]["ended"]) != "finished":
            return f"the answer was {ended}"
        if not agent_text:
            return "the answer was empty"
        if turns[0]["voice_to_voice_ms"] is None:
            return "nothing audible was sent"
        if likeness < LEAST_LIKENESS:
            return f"it said {agent_text!r}, and what was heard is {ear_text!r}"
        return ""

    reason = verdict()
    return Outcome(
        "failed" if reason else "ok",
        reason,
        turns[0]["voice_to_voice_ms"] if turns else None,
        dict(turns[0]["hops_ms"]) if turns else {},
        sum(queue["dropped"] for name, queue in held.report["queues"].items() if name != "observers"),
        user_text,
        agent_text,
        ear_text,
        round(likeness, 1),
    )


def _likeness(heard: str, said: str) -> float:
    first, second = (" ".join(re.findall(r"[a-z0-9']+", text.casefold())) for text in (heard, said))
    return fuzz.ratio(first, second) if first and second else 0.0


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0].removeprefix("Error: ") if lines else ""


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1].strip()
