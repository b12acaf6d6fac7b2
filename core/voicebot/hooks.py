"""Hooks: pluggy plugins that observe calls, or bring tools.

A hook plugin is a module or a class with functions marked `@hookimpl`, installed as an entry point in the
group `voicebot.hooks`. Hooks are synchronous and run off the audio path. One that observes cannot change a call:
where it raises that is logged with its distribution, and the call and the other hooks go on.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import pluggy

from voicebot.events import Event
from voicebot.plugins import PluginInfo, entries
from voicebot.tools.hook import Brought, ToolHookSpecs, brought_tools

__all__ = ["GROUP", "HookManager", "HookSpecs", "build_hook_manager", "hookimpl"]

GROUP = "voicebot.hooks"
hookspec = pluggy.HookspecMarker("voicebot")
hookimpl = pluggy.HookimplMarker("voicebot")
"""Marks a function as the implementation of the hook it is named after."""

_log = logging.getLogger(__name__)


class HookSpecs:
    """What can be observed. An implementation may leave out arguments that it does not need."""

    @hookspec
    def voicebot_call_started(self, call_id: str, profile_name: str) -> None:
        """A call begins.

        :param call_id: unique among calls.
        :param profile_name: name of the profile's file, without its suffix.
        """

    @hookspec
    def voicebot_event(self, call_id: str, event: Event) -> None:
        """Something happened in a call; times in events are seconds on the process's monotonic clock."""

    @hookspec
    def voicebot_call_ended(self, call_id: str, report: Mapping[str, Any]) -> None:
        """A call is over.

        :param report: the call's turns and their latencies, as the JSON report holds them.
        """


class HookManager:
    """Calls each hook on its own: what one raises reaches neither the caller nor the others."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("voicebot")
        self._manager.add_hookspecs(HookSpecs)
        self._manager.add_hookspecs(ToolHookSpecs)
        self._origins: dict[str, str] = {}

    def register(self, plugin: object, name: str, origin: str = "") -> None:
        """Add a plugin.

        Args:
            name: unique among hook plugins.
            origin: its distribution and version, for messages.

        Raises:
            ValueError: the name is taken.
            pluggy.PluginValidationError: it implements an unknown hook, takes an unknown argument, is
                asynchronous or a wrapper.
        """
        if self._manager.has_plugin(name):
            raise ValueError(f"a hook plugin named {name!r} is registered already")
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
            for caller in self._manager.get_hookcallers(plugin) or ():
                for impl in caller.get_hookimpls():
                    if impl.plugin is plugin and (impl.wrapper or impl.hookwrapper):
                        raise pluggy.PluginValidationError(
                            plugin, f"{caller.name} is a wrapper; hooks only observe"
                        )
                    if impl.plugin is plugin and _is_async(impl.function):
                        raise pluggy.PluginValidationError(
                            plugin, f"{caller.name} is async; hooks are synchronous"
                        )
        except Exception:
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            raise
        self._origins[name] = origin

    @property
    def names(self) -> list[str]:
        """Names of the registered plugins."""
        return list(self._origins)

    def call_started(self, call_id: str, profile_name: str) -> None:
        self._call("voicebot_call_started", {"call_id": call_id, "profile_name": profile_name})

    def event(self, call_id: str, event: Event) -> None:
        self._call("voicebot_event", {"call_id": call_id, "event": event})

    def call_ended(self, call_id: str, report: Mapping[str, Any]) -> None:
        self._call("voicebot_call_ended", {"call_id": call_id, "report": report})

    def tools(self) -> list[Brought]:
        """What the plugins bring for the language model to call."""
        return brought_tools(self._manager, self._origins)

    def _call(self, hook: str, arguments: Mapping[str, Any]) -> None:
        # Not through pluggy's own call: that stops at the first implementation that raises.
        for impl in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            try:
                impl.function(*(arguments[name] for name in impl.argnames))
            except (Exception, SystemExit):
                origin = self._origins.get(impl.plugin_name, "")
                _log.exception("hook plugin %r of %s failed in %s", impl.plugin_name, origin or "?", hook)


def build_hook_manager(*, installed: bool = True) -> HookManager:
    """A manager with the installed hook plugins; a broken one is left out with a warning that names it.

    Args:
        installed: False for none of the installed plugins (tests).
    """
    manager = HookManager()
    for info in entries(GROUP) if installed else ():
        if reason := info.problem or _register(manager, info):
            _log.warning("hook plugin %r of %s is left out: %s", info.name, info.origin, reason)
    return manager


def _register(manager: HookManager, info: PluginInfo) -> str:
    try:
        plugin = metadata.EntryPoint(info.name, info.target, GROUP).load()
        manager.register(plugin() if inspect.isclass(plugin) else plugin, info.name, info.origin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
