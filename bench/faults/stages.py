"""The stages that can be at fault: the server of each, the engine that uses it, and one that can stand in for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voicebot.interfaces import Kind
from voicebot.testing.fakes import groq, opentts, transcription
from voicebot.testing.fakes.http import Handler

__all__ = ["KEY", "KEY_VARIABLE", "OWN", "QUESTION", "SOUND", "STAGES", "STAND_IN", "Answer", "Stage"]

KEY = "gsk_neverShownToAnyone7Qx"
KEY_VARIABLE = "FAULTS_KEY"
QUESTION = "When do you open?"

Answer = tuple[str, ...]
"""Its sentences."""
OWN: Answer = ("Good morning.", "We open at nine o'clock today.")
STAND_IN: Answer = ("This is the second model.", "It answers every question.")


@dataclass(frozen=True)
class Stage:
    """A kind of engine, and the plugin whose server misbehaves."""

    name: str
    kind: Kind
    path: str
    """The requests that are spoilt."""
    serve: Callable[[], Handler]
    engine: Callable[[str], dict[str, Any]]
    """Its section of a profile, given the server's address."""
    stand_in: dict[str, Any]
    unknown: dict[str, str]
    """Settings that name a model or a voice that is not there."""
    answers: tuple[Answer, Answer]
    """What is said where its own server answers, and where another stands in for it."""

    @property
    def plugin(self) -> str:
        return str(self.engine("http://127.0.0.1")["use"])


STUB: dict[str, Any] = {"use": "stub", "ttft_ms": 20, "replies": [" ".join(STAND_IN)]}
EARS: dict[str, Any] = {"use": "fasterwhisper", "model": "whisper-tiny.en-ct2"}
VOICE: dict[str, Any] = {"use": "espeak"}
SOUND: dict[Kind, dict[str, Any]] = {
    "vad": {"use": "silero"},
    "turn": {"use": "silence"},
    "stt": EARS,
    "llm": STUB,
    "tts": VOICE,
}
"""Those that nothing is wrong with."""
_KEY = f"${{{KEY_VARIABLE}}}"


def _llm(name: str, plugin: str) -> Stage:
    """Groq's server, asked by a plugin that speaks its protocol."""
    return Stage(
        name,
        "llm",
        "/openai/v1/chat",
        lambda: groq.app(api_key=KEY, replies=[" ".join(OWN)]),
        lambda url: {
            "use": plugin,
            "base_url": f"{url}/openai/v1",
            "api_key": _KEY,
            "model": "openai/gpt-oss-120b",
        },
        STUB,
        {"model": "llama3-70b-8192"},
        (OWN, STAND_IN),
    )


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "stt",
            "stt",
            "/v1/audio",
            lambda: transcription.app(api_key=KEY, text=QUESTION),
            lambda url: {
                "use": "openai",
                "base_url": f"{url}/v1",
                "api_key": _KEY,
                "model": "whisper-large-v3-turbo",
            },
            EARS,
            {"model": "whisper-large-v1"},
            (STAND_IN, STAND_IN),
        ),
        _llm("llm", "groq"),
        _llm("llm-openai", "openai"),
        Stage(
            "tts",
            "tts",
            "/api/tts",
            opentts.app,
            lambda url: {
                "use": "opentts",
                "base_url": url,
                "voice": "coqui-tts:en_ljspeech",
                "headers": {"X-Key": _KEY},
            },
            VOICE,
            {"voice": "coqui-tts:en_nobody"},
            (STAND_IN, STAND_IN),
        ),
    )
}
