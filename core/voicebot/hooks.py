"""Hooks: pluggy plugins that observe calls, or bring tools.

A hook plugin is a module or a class with functions marked `@hookimpl`, installed as an entry point in the
group `voicebot.hooks`. Hooks are synchronous. Those that observe run in a thread of their plugin's own: one that is
slow, or raises, delays and changes nothing but what its own plugin sees; the log names its distribution.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pluggy

from voicebot.events import (
    AgentTurnStarted,
    Event,
    InterruptionJudged,
    ProviderFailed,
    TurnMeasured,
    UserTranscript,
)
from voicebot.observer import Observer
from voicebot.plugins import PluginInfo, api_hint, entries, import_plugin
from voicebot.queues import QueueStatistics
from voicebot.shapes import api_problem
from voicebot.tools.hook import Brought, ToolHookSpecs, brought_tools

__all__ = ["CLOSE_S", "GROUP", "HookManager", "HookSpecs", "build_hook_manager", "hookimpl"]

GROUP = "voicebot.hooks"
CLOSE_S = 1.5
"""How long the end of the process waits for all hook plugins together."""

hookspec = pluggy.HookspecMarker("voicebot")
hookimpl = pluggy.HookimplMarker("voicebot")
"""Marks a function as the implementation of the hook it is named after."""

_log = logging.getLogger(__name__)


class HookSpecs:
    """What can be observed. An implementation may leave out arguments that it does not need.

    Each plugin sees what happens in the order in which it happens. Times are seconds on the process's one clock;
    `voicebot_call_started` says where on the wall's that is.
    """

    @hookspec
    def voicebot_call_started(
        self,
        call_id: str,
        profile_name: str,
        engines: Mapping[str, Sequence[str]],
        at_s: float,
        started_at: datetime,
    ) -> None:
        """A call begins.

        :param call_id: unique among calls.
        :param profile_name: name of the profile's file, without its suffix.
        :param engines: the plugins' names by kind, such as `{"stt": ["whispercpp"], "llm": ["groq", "openai"]}`.
        :param at_s: now, on the clock of the events.
        :param started_at: now, in UTC.
        """

    @hookspec
    def voicebot_transcript(self, call_id: str, event: UserTranscript) -> None:
        """The user's words so far, and (`event.final`) as they stay when their turn is over."""

    @hookspec
    def voicebot_turn_committed(self, call_id: str, event: AgentTurnStarted) -> None:
        """The user's turn is over, and its answer may be heard. Turn 0: the greeting, and what is said of limits."""

    @hookspec
    def voicebot_interruption(self, call_id: str, event: InterruptionJudged) -> None:
        """The user was heard while the agent spoke, and was it an interruption (`event.interrupted`) or not."""

    @hookspec
    def voicebot_turn_measured(self, call_id: str, event: TurnMeasured, origin_s: float) -> None:
        """A turn is over, to its last sample or its interruption.

        :param event: its `report` holds the texts, the timeline, the hops and the budget's verdict.
        :param origin_s: what the report's `timeline_ms` counts from.
        """

    @hookspec
    def voicebot_error(self, call_id: str, event: ProviderFailed) -> None:
        """An engine failed, and no other stood in for it."""

    @hookspec
    def voicebot_event(self, call_id: str, event: Event) -> None:
        """Anything happened, also what has a hook of its own: any class of `voicebot.events`."""

    @hookspec
    def voicebot_call_ended(self, call_id: str, report: Mapping[str, Any]) -> None:
        """A call is over.

        :param report: the call's turns and their latencies, as the JSON report holds them.
        """

    @hookspec
    def voicebot_closing(self) -> None:
        """The process ends: write out what is held back. There is a second for it, not more."""


HOOK_OF: Mapping[type[Event], str] = {
    UserTranscript: "voicebot_transcript",
    AgentTurnStarted: "voicebot_turn_committed",
    InterruptionJudged: "voicebot_interruption",
    TurnMeasured: "voicebot_turn_measured",
    ProviderFailed: "voicebot_error",
}
"""The events that have a hook of their own."""


class HookManager:
    """Tells each plugin on its own: what one does reaches neither the call nor the others.

    Whoever makes it closes it.
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("voicebot")
        self._manager.add_hookspecs(HookSpecs)
        self._manager.add_hookspecs(ToolHookSpecs)
        self._origins: dict[str, str] = {}
        self._observers: dict[str, Observer] = {}

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
            implementations = self._implementations(plugin)
        except Exception:
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            raise
        self._origins[name] = origin
        hooks = {hook: partial(_call, implementation) for hook, implementation in implementations.items()}
        self._observers[name] = Observer(f"hook plugin {name!r} of {origin or '?'}", hooks)

    @property
    def names(self) -> list[str]:
        """Names of the registered plugins."""
        return list(self._origins)

    def call_started(
        self, call_id: str, profile_name: str, engines: Mapping[str, Sequence[str]], at_s: float
    ) -> None:
        """A call begins, now."""
        self._tell(
            "voicebot_call_started",
            call_id=call_id,
            profile_name=profile_name,
            engines=engines,
            at_s=at_s,
            started_at=datetime.now(UTC),
        )

    def event(self, call_id: str, event: Event, origin_s: float) -> None:
        """Something happened in a call whose reports count from `origin_s`."""
        if (own := HOOK_OF.get(type(event))) is not None:
            self._tell(own, call_id=call_id, event=event, origin_s=origin_s)
        self._tell("voicebot_event", call_id=call_id, event=event)

    def call_ended(self, call_id: str, report: Mapping[str, Any]) -> None:
        """A call is over."""
        self._tell("voicebot_call_ended", call_id=call_id, report=report)

    def tools(self) -> list[Brought]:
        """What the plugins bring for the language model to call."""
        return brought_tools(self._manager, self._origins)

    def take_statistics(self) -> dict[str, QueueStatistics]:
        """The counters of the plugins' queues since they were last asked for, by name; not of those without hooks."""
        taken = {name: observer.take_statistics() for name, observer in self._observers.items()}
        return {name: statistics for name, statistics in taken.items() if statistics.accepted}

    def close(self, deadline_s: float = CLOSE_S) -> None:
        """Tell the plugins that the process ends, and wait until they have been told everything; twice is fine.

        It blocks: call it when the event loop is done.

        Args:
            deadline_s: for all together; plugins that take longer are named in the log, and left behind.
        """
        self._tell("voicebot_closing")
        for observer in self._observers.values():
            observer.close()
        until_s = time.monotonic() + deadline_s
        for observer in self._observers.values():
            observer.wait(until_s - time.monotonic())

    def _tell(self, hook: str, **arguments: Any) -> None:
        for observer in self._observers.values():
            observer.tell(hook, arguments)

    def _implementations(self, plugin: object) -> dict[str, pluggy.HookImpl]:
        found = {}
        for caller in self._manager.get_hookcallers(plugin) or ():
            for impl in caller.get_hookimpls():
                if impl.plugin is not plugin:
                    continue
                if impl.wrapper or impl.hookwrapper:
                    raise pluggy.PluginValidationError(
                        plugin, f"{caller.name} is a wrapper; hooks only observe"
                    )
                if inspect.iscoroutinefunction(impl.function) or inspect.isasyncgenfunction(impl.function):
                    raise pluggy.PluginValidationError(
                        plugin, f"{caller.name} is async; hooks are synchronous"
                    )
                found[caller.name] = impl
        return found


def build_hook_manager(*, installed: bool = True) -> HookManager:
    """A manager with the installed hook plugins; a broken one is left out with a warning that names it.

    An entry point names a module; or a class or function that makes the plugin, or None where it has nothing to do.

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
        plugin = import_plugin(info)
        if not api_problem(plugin) and (inspect.isclass(plugin) or inspect.isfunction(plugin)):
            plugin = plugin()
        if wrong := api_problem(plugin):
            return f"it {wrong}. {api_hint(info, plugin)}"
        if plugin is not None:
            manager.register(plugin, info.name, info.origin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _call(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> None:
    # Not through pluggy's own call: that stops at the first plugin that raises.
    implementation.function(*(arguments[name] for name in implementation.argnames))
