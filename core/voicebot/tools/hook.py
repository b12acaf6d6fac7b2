"""The hook by which installed packages bring tools."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pluggy

__all__ = ["Brought", "ToolHookSpecs", "brought_tools"]

hookspec = pluggy.HookspecMarker("voicebot")
_log = logging.getLogger(__name__)


class ToolHookSpecs:
    """What a plugin of `voicebot.hooks` may bring."""

    @hookspec
    def voicebot_tools(self) -> Iterable[Callable[..., Any]]:  # type: ignore[empty-body]
        """Functions that the language model may call, with type hints and docstrings: see `voicebot.tools`.

        Asked for once in a process.
        """


@dataclass(frozen=True, slots=True)
class Brought:
    """What a package says is a tool; not looked at yet."""

    function: object
    origin: str
    """The distribution and its version."""


def brought_tools(manager: pluggy.PluginManager, origins: Mapping[str, str]) -> list[Brought]:
    """What the registered plugins bring; one that raises is left out with a warning that names it.

    Args:
        origins: distribution and version by the plugins' names.
    """
    found: list[Brought] = []
    for impl in manager.hook.voicebot_tools.get_hookimpls():
        origin = origins.get(impl.plugin_name, "") or impl.plugin_name
        try:
            functions: Iterable[object] = impl.function()  # type: ignore[assignment]
            found += [Brought(function, origin) for function in functions]
        except (Exception, SystemExit):
            _log.exception("hook plugin %r of %s failed in voicebot_tools", impl.plugin_name, origin)
    return found
