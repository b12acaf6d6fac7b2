"""From a profile to calls: engines are built, the transport is asked for connections, a session holds each."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from voicebot.clock import now
from voicebot.engines import Engine, Engines, blame
from voicebot.errors import EngineError
from voicebot.events import Event
from voicebot.fallback import BreakerSettings, Limits, apology_text, chained
from voicebot.headroom import watch_idle
from voicebot.health import EngineHealth, HealthWatch
from voicebot.hooks import HookManager
from voicebot.interfaces import ClosingTransport, Connection, Kind, ModelPaths, Transport
from voicebot.keeping import KeptConnection, kept, prepare
from voicebot.leaving import Leaving
from voicebot.logs import in_call
from voicebot.plugins import create
from voicebot.profile import ResolvedProfile, context_for
from voicebot.profile.model import CHAIN_KINDS
from voicebot.replaying.taped import Taped, must_have_consent
from voicebot.report import CallReport
from voicebot.session import Session
from voicebot.settings import SessionSettings
from voicebot.speech.spoken import spoken
from voicebot.tasks import task_group
from voicebot.tools import ToolRunner, find_tools, without_use

if TYPE_CHECKING:
    # Only where a call is recorded.
    from voicebot.replaying.taping import Taping
    from voicebot.replaying.taps import Taps

__all__ = [
    "as_one",
    "build_engines",
    "build_provider",
    "build_tools",
    "for_session",
    "hold_call",
    "serve_calls",
]

_log = logging.getLogger(__name__)

WARM_UP_AGAIN_S = (0.5, 10.0)
"""The pause before engines whose servers were not there are asked for again, doubled up to the last."""
LONGEST_WAIT_S = 60.0
"""A server that asks to be left alone for longer is asked again all the same."""


def build_provider(
    kind: Kind, resolved: ResolvedProfile, models: ModelPaths, taps: Taps | None = None
) -> Engine[Any]:
    """Build what a profile names for a kind: one provider, or a fallback chain of them. Nothing is loaded yet.

    Args:
        taps: where what the engines do is to be recorded.

    Raises:
        PluginError: one cannot be built.
    """
    context = context_for(kind, resolved, models)
    engines = [
        Engine(kind, section.use, section.info.origin, create(kind, section, context))
        for section in resolved.chain(kind)
    ]
    if taps is not None:
        engines = [taps.tap(engine) for engine in engines]
    return as_one(kind, engines, resolved.profile)


def as_one(
    kind: Kind,
    engines: Sequence[Engine[Any]],
    profile: SessionSettings,
    jitter: Callable[[], float] = random.random,
) -> Engine[Any]:
    """Engines of a kind, the preferred one first, as calls use them: behind a fallback chain where the kind has one.

    Args:
        jitter: a number from 0 to 1, by chance, for the pauses of the chain.
    """
    if kind not in CHAIN_KINDS:
        return engines[0]
    settings, deadlines = profile.fallback, profile.deadlines
    first_s = {
        "stt": (settings.stt_s, deadlines.stt_final_s),
        "llm": (settings.llm_s, deadlines.llm_first_token_s),
        "tts": (settings.tts_s, deadlines.tts_first_audio_s),
    }
    switch_s, deadline_s = first_s[kind]
    breaker = BreakerSettings(
        settings.failures, settings.window_s, settings.cooldown_s, settings.longest_cooldown_s
    )
    limits = Limits(switch_s=switch_s, breaker=breaker)
    return chained(
        kind, engines, deadline_s=deadline_s, warmup_s=deadlines.warmup_s, limits=limits, jitter=jitter
    )


def build_engines(
    resolved: ResolvedProfile, models: ModelPaths, taps: Taps | None = None
) -> tuple[Engines, Engine[Transport]]:
    """Build what calls are held with, one at a time. Nothing is loaded yet.

    Args:
        taps: where what the engines do is to be recorded.

    Raises:
        PluginError: one cannot be built.
    """

    def build(kind: Kind) -> Engine[Any]:
        return build_provider(kind, resolved, models, taps)

    return for_session(build, resolved.profile), build("transport")


def for_session(build: Callable[[Kind], Engine[Any]], settings: SessionSettings) -> Engines:
    """What a session needs of engines, each kind built by `build`."""
    agent = settings.agent
    spoken("1", agent.language)  # loads the words for numbers now, and not in the first answer
    return Engines(
        build("vad"),
        build("stt"),
        build("turn"),
        build("llm"),
        build("tts"),
        apology_text=apology_text(agent.language, agent.apology),
    )


def build_tools(resolved: ResolvedProfile, hooks: HookManager | None) -> ToolRunner:
    """Find what the language model may call.

    Raises:
        ProfileError: a tool that the profile names cannot be found, or cannot be a tool.
    """
    profile = resolved.profile
    tools = find_tools(
        profile.agent.tools,
        installed=profile.tool_calls.installed,
        brought=hooks.tools() if hooks is not None else (),
        base_dir=profile.base_dir,
        tree=profile._tree,
        file=profile.file,
    )
    models = [(section.use, section.provider_class.capabilities) for section in resolved.chain("llm")]
    if warning := without_use(tools, models):
        _log.warning("%s", warning)
    return ToolRunner(tools, profile.tool_calls)


async def hold_call(
    resolved: ResolvedProfile,
    models: ModelPaths,
    *,
    hooks: HookManager | None = None,
    observe: Callable[[Event], None] = lambda event: None,
    taping: Taping | None = None,
) -> CallReport:
    """Hold the first call that the profile's transport brings.

    Args:
        observe: called with every event, in order.
        taping: records the call.

    Raises:
        VoicebotError: what the profile wants kept of calls cannot be; or the call cannot be recorded.
        PluginError: an engine cannot be built.
        EngineError: an engine without which there is no call failed, or no call came.
    """
    prepare(resolved.profile)
    engines, transport = build_engines(resolved, models, taping.taps if taping else None)
    tools = build_tools(resolved, hooks)
    holder = _Holder(
        resolved, engines, transport, hooks, lambda call_id, event: observe(event), tools=tools, taping=taping
    )
    try:
        with blame(transport):
            await transport.provider.warmup()
            connections = transport.provider.connections()
        async with aclosing(connections):
            connection = await _next(transport, connections)
            if connection is None:
                with blame(transport):
                    raise EngineError("it ended without a call")
            return await holder.hold(connection)
    finally:
        with blame(transport):
            await transport.provider.aclose()


async def serve_calls(
    resolved: ResolvedProfile,
    models: ModelPaths,
    *,
    hooks: HookManager | None = None,
    observe: Callable[[str, Event], None] = lambda call_id, event: None,
    on_warm: Callable[[], None] = lambda: None,
    on_report: Callable[[CallReport], None] = lambda report: None,
    on_health: Callable[[list[EngineHealth]], None] | None = None,
    on_free: Callable[[], None] = lambda: None,
    leaving: Leaving | None = None,
    taping: Taping | None = None,
) -> None:
    """Hold the calls that the profile's transport brings, one at a time, until no more can come or it is cancelled.

    The engines are warmed up before the first call is asked for, and stay warm between calls. Servers that are not
    there are waited for.

    Args:
        observe: called with each call's id and every event of it, in order.
        on_warm: called once, when calls can be held from here on.
        on_report: called after each call, also after one that failed or was cancelled.
        on_health: called with how the engines are, at first and whenever it has changed.
        on_free: called after each call, when nothing of it is left here and the next one has not been asked for.
        leaving: ends this when no further call is wanted.
        taping: records the calls.

    Raises:
        VoicebotError: what the profile wants kept of calls cannot be, or calls must not be recorded.
        PluginError: an engine cannot be built.
        EngineError: an engine did not warm up, or one without which there is no call failed in a call; calls cannot
            come, or not any more.
    """
    prepare(resolved.profile)
    if taping is not None:
        must_have_consent(resolved.profile)
    engines, transport = build_engines(resolved, models, taping.taps if taping else None)
    tools = build_tools(resolved, hooks)
    watch = None if on_health is None else HealthWatch(engines, on_health)

    def observed(call_id: str, event: Event) -> None:
        if watch is not None:
            watch.heard(event)
        observe(call_id, event)

    leaving = leaving or Leaving()
    holder = _Holder(
        resolved,
        engines,
        transport,
        hooks,
        observed,
        keep_engines=True,
        on_report=on_report,
        tools=tools,
        leaving=leaving,
        taping=taping,
    )
    try:
        async with task_group(cancel_on_exit=True) as group:
            if watch is not None:
                group.create_task(watch.run(), name="health")
            await _warm_up(engines, resolved.profile.deadlines.warmup_s)
            with blame(transport):
                await transport.provider.warmup()
                connections = transport.provider.connections()
            if watch is not None:
                watch.look()
            on_warm()
            if isinstance(transport.provider, ClosingTransport):
                leaving.on_no_more = transport.provider.no_more
            async with aclosing(connections):
                while (coming := await leaving.unless_told(_next(transport, connections))) is not None:
                    await holder.hold(coming)
                    on_free()
                    if watch is not None:
                        watch.look()
    finally:
        try:
            with blame(transport):
                await transport.provider.aclose()
        finally:
            await engines.aclose()


async def _warm_up(engines: Engines, deadline_s: float) -> None:
    """Warm up, again and again while the only trouble is with servers that may come back.

    Raises:
        EngineError: there is other trouble.
    """
    pause_s, longest_s = WARM_UP_AGAIN_S
    said = ""
    while True:
        try:
            return await engines.warmup(deadline_s, finish_others=True)
        except EngineError as error:
            if error not in engines.not_there.values():
                raise
            wait_s = min(max(pause_s, error.retry_after_s or 0.0), LONGEST_WAIT_S)
            if str(error) != said:
                said = str(error)
                _log.warning("not ready, trying again from now on: %s", said)
        await asyncio.sleep(wait_s)
        pause_s = min(2 * pause_s, longest_s)


@dataclass(frozen=True, slots=True)
class _Holder:
    """Holds calls, and tells of them."""

    resolved: ResolvedProfile
    engines: Engines
    transport: Engine[Transport]
    hooks: HookManager | None
    observe: Callable[[str, Event], None]
    keep_engines: bool = False
    on_report: Callable[[CallReport], None] = lambda report: None
    tools: ToolRunner | None = None
    leaving: Leaving | None = None
    taping: Taping | None = None

    async def hold(self, connection: Connection) -> CallReport:
        with blame(self.transport):
            call_id = connection.call_id or uuid.uuid4().hex[:12]
        with in_call(call_id):
            return await self._hold(call_id, connection)

    async def _hold(self, call_id: str, connection: Connection) -> CallReport:
        max_call_s: float | None = getattr(connection, "max_call_s", None)

        def tell(event: Event) -> None:
            self.observe(call_id, event)
            if self.hooks is not None:
                self.hooks.event(call_id, event, session.report.answered_s)

        async with (
            kept(self.resolved, call_id, connection, partial(self.observe, call_id)) as tapped,
            self._taped(call_id, tapped, max_call_s) as taped,
        ):
            session = Session(
                call_id,
                settings=self.resolved.profile,
                engines=self.engines,
                transport=self.transport,
                connection=taped.connection,
                observe=tell,
                keep_engines=self.keep_engines,
                watch_idle=taped.watch_idle,
                tools=taped.tools,
                max_call_s=max_call_s,
            )
            if self.hooks is not None:
                chains = self.resolved.chains.items()
                engines: dict[str, list[str]] = {kind: [one.use for one in chain] for kind, chain in chains}
                self.hooks.call_started(call_id, self.resolved.profile.name, engines, now())
            if self.leaving is not None:
                self.leaving.call = session
            try:
                return await session.run()
            finally:
                if self.leaving is not None:
                    self.leaving.call = None
                if isinstance(tapped, KeptConnection):
                    for queue in tapped.keeper.queues:
                        session.report.add_queue(queue.name, queue.statistics)
                if self.hooks is not None:
                    for name, statistics in self.hooks.take_statistics().items():
                        session.report.add_queue(f"hook {name}", statistics)
                    self.hooks.call_ended(call_id, session.report.as_dict())
                self.on_report(session.report)

    def _taped(
        self, call_id: str, connection: Connection, max_call_s: float | None
    ) -> AbstractAsyncContextManager[Taped]:
        if self.taping is None:
            return nullcontext(Taped(connection, self.tools, watch_idle))
        return self.taping.taped(self.resolved, call_id, connection, self.tools, max_call_s)


async def _next(
    transport: Engine[Transport], connections: AsyncGenerator[Connection, None]
) -> Connection | None:
    with blame(transport):
        return await anext(connections, None)
