"""A language-model server of known speed, for benchmarks and CI: the plugin `llm: stub`.

The names are imported when they are used: the server, a module of this package in a process of its own, starts in a
quarter of the time without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voicebot_llm_stub.config import StubConfig
    from voicebot_llm_stub.provider import StubLLM

__all__ = ["StubConfig", "StubLLM"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    modules = {"StubConfig": "voicebot_llm_stub.config", "StubLLM": "voicebot_llm_stub.provider"}
    if name not in modules:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(modules[name]), name)
