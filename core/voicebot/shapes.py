"""Whether what a plugin's entry point names is a provider that this voicebot can use."""

from __future__ import annotations

import inspect
from types import ModuleType

from pydantic import BaseModel

from voicebot.interfaces import API_VERSION, Capabilities

__all__ = ["METHODS", "api_problem", "provider_classes", "shape_problems"]

METHODS: dict[str, str] = {
    "vad": "start",
    "stt": "start",
    "turn": "predict",
    "llm": "generate",
    "tts": "synthesize",
    "transport": "connections",
}
"""The method that makes a provider one of its kind."""


def api_problem(plugin: object) -> str:
    """What is wrong with the plugin API that a provider class or a hook plugin is written for; "" where it is ours."""
    wanted = getattr(plugin, "api_version", 1)
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        return f"states the api_version {wanted!r}, which is no whole number"
    return "" if wanted == API_VERSION else f"wants plugin API {wanted}, this voicebot has {API_VERSION}"


def shape_problems(kind: str, loaded: object) -> list[str]:
    """What keeps it from being a provider of that kind."""
    if not inspect.isclass(loaded):
        return [f"it is a {type(loaded).__name__}, not a class"]
    problems = []
    config = getattr(loaded, "Config", None)
    if not (inspect.isclass(config) and issubclass(config, BaseModel)):
        problems.append("`Config` must be a pydantic BaseModel subclass")
    if not isinstance(getattr(loaded, "capabilities", None), Capabilities):
        problems.append("`capabilities` must be a voicebot.interfaces.Capabilities")
    methods = ("required_models", "warmup", METHODS[kind], "aclose")
    problems += [
        f"it has no method `{name}`" for name in methods if not callable(getattr(loaded, name, None))
    ]
    streaming = METHODS[kind] if kind in ("llm", "tts", "transport") else ""
    if streaming and inspect.iscoroutinefunction(getattr(loaded, streaming, None)):
        problems.append(
            f"`{streaming}` must be an async generator (`async def` with `yield`), not a coroutine"
        )
    return problems


def provider_classes(module: ModuleType) -> list[type]:
    """The classes of a module, or of a package, that look like providers: with a `Config` or `capabilities`.

    Not those whose name begins with an underscore, and no base of another one.
    """
    found = [
        value
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and not name.startswith("_")
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
        and (hasattr(value, "Config") or hasattr(value, "capabilities"))
        and not issubclass(value, BaseModel)
    ]
    return [one for one in found if not any(other is not one and issubclass(other, one) for other in found)]
