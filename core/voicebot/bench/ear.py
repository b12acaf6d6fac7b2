"""A better recogniser than most profiles can afford, to say what was heard of an answer that was interrupted."""

from __future__ import annotations

from typing import Any

from voicebot.bench.contestant import bench_environ
from voicebot.call import build_provider
from voicebot.engines import Engine
from voicebot.errors import VoicebotError
from voicebot.models import ModelStore
from voicebot.profile import load_profile, resolve

__all__ = ["EAR_MODEL", "build_ear"]

EAR_MODEL = "whisper-base-ct2"


def build_ear(profile: str) -> Engine[Any] | None:
    """Built with the rest of a profile's settings; None where its package or model is not on this machine."""
    settings = {
        "USE": "fasterwhisper",
        "MODEL": EAR_MODEL,
        "CONTEXT_FINAL": "1500",
        "INTERIM_INTERVAL_MS": "0",
    }
    environ = {key: value for key, value in bench_environ().items() if not key.startswith("VOICEBOT_STT")}
    environ |= {f"VOICEBOT_STT__{key}": value for key, value in settings.items()}
    try:
        resolved = resolve(load_profile(profile, environ=environ))
        store = ModelStore(base_dir=resolved.profile.base_dir)
        store.path(EAR_MODEL)
        return build_provider("stt", resolved, store)
    except VoicebotError:
        return None
