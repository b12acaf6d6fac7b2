"""From a profile's name to the engines under test."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import platformdirs

from voicebot.bench.runner import Contestant
from voicebot.call import build_provider
from voicebot.engines import Engines
from voicebot.models import ModelStore
from voicebot.plugins import ensure_installed
from voicebot.profile import load_profile, resolve
from voicebot.profile.resolve import section_models

__all__ = ["bench_environ", "build_contestant", "build_contestants", "recordings_folder"]


def build_contestant(name: str) -> Contestant:
    """Build a profile's engines, without its transport. Nothing is loaded yet.

    Args:
        name: a profile's file, or the bare name of a known one.

    Raises:
        VoicebotError: the profile is wrong, or an engine or a model of it is not on this machine.
    """
    resolved = resolve(load_profile(name, environ=bench_environ()))
    store = ModelStore(base_dir=resolved.profile.base_dir)
    for kind in ("vad", "stt", "turn", "llm", "tts"):
        for section in resolved.chain(kind):
            ensure_installed(section.info, section.provider_class)
            for model in section_models(section):
                store.path(model)

    def build(kind: Any) -> Any:
        return build_provider(kind, resolved, store)

    engines = Engines(build("vad"), build("stt"), build("turn"), build("llm"), build("tts"))
    return Contestant(resolved.profile.name, resolved.profile, engines)


def build_contestants(names: Sequence[str]) -> list[Contestant]:
    """Those of a profile, or of two, told apart by name: two files may have the same one, and one may be held twice.

    Raises:
        VoicebotError: as `build_contestant`.
    """
    contestants = [build_contestant(name) for name in names]
    if len({contestant.name for contestant in contestants}) < len(contestants):
        for contestant, name in zip(contestants, names, strict=True):
            contestant.name = name
        if len(set(names)) < len(names):
            contestants[-1].name += " (again)"
    return contestants


def bench_environ() -> dict[str, str]:
    """The environment, without what it says of transports.

    Calls come from the bench: where the profile takes its own from does not matter, and may need more.
    """
    environ = {key: value for key, value in os.environ.items() if not key.startswith("VOICEBOT_TRANSPORT")}
    environ["VOICEBOT_TRANSPORT__USE"] = "wav"
    environ["VOICEBOT_TRANSPORT__INPUT"] = environ["VOICEBOT_TRANSPORT__OUTPUT"] = os.devnull
    return environ


def recordings_folder() -> Path:
    """Where the simulated users' recordings are kept."""
    return Path(platformdirs.user_cache_dir("voicebot", appauthor=False)) / "bench"
