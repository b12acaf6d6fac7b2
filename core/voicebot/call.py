"""From a profile to a call: engines are built, the transport is asked for a connection, a session holds it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from voicebot.engines import Engine, Engines, blame
from voicebot.errors import EngineError
from voicebot.events import Event
from voicebot.hooks import HookManager
from voicebot.interfaces import Connection, Kind, ModelPaths, Transport
from voicebot.plugins import create
from voicebot.profile import ResolvedProfile, context_for
from voicebot.report import CallReport
from voicebot.session import Session

__all__ = ["build_engines", "hold_call"]


def build_engines(resolved: ResolvedProfile, models: ModelPaths) -> tuple[Engines, Engine[Transport]]:
    """Build one call's engines and its transport. Nothing is loaded yet.

    Raises:
        PluginError: one cannot be built.
    """

    def build(kind: Kind) -> Engine[Any]:
        section = resolved.section(kind)
        provider = create(kind, section, context_for(kind, resolved, models))
        return Engine(kind, section.use, section.info.origin, provider)

    engines = Engines(build("vad"), build("stt"), build("turn"), build("llm"), build("tts"))
    return engines, build("transport")


async def hold_call(
    resolved: ResolvedProfile,
    models: ModelPaths,
    *,
    hooks: HookManager | None = None,
    observe: Callable[[Event], None] = lambda event: None,
) -> CallReport:
    """Hold the first call that the profile's transport brings.

    Args:
        observe: called with every event, in order.

    Raises:
        PluginError: an engine cannot be built.
        EngineError: an engine without which there is no call failed, or no call came.
    """
    engines, transport = build_engines(resolved, models)
    call_id = uuid.uuid4().hex[:12]

    def tell(event: Event) -> None:
        observe(event)
        if hooks is not None:
            hooks.event(call_id, event)

    try:
        with blame(transport):
            await transport.provider.warmup()
            connections = transport.provider.connections()
        async with aclosing(connections):
            connection = await _first(transport, connections)
            session = Session(
                call_id,
                settings=resolved.profile,
                engines=engines,
                transport=transport,
                connection=connection,
                observe=tell,
            )
            if hooks is not None:
                hooks.call_started(call_id, resolved.profile.name)
            try:
                return await session.run()
            finally:
                if hooks is not None:
                    hooks.call_ended(call_id, session.report.as_dict())
    finally:
        with blame(transport):
            await transport.provider.aclose()


async def _first(transport: Engine[Transport], connections: Any) -> Connection:
    with blame(transport):
        async for connection in connections:
            return connection  # type: ignore[no-any-return]
        raise EngineError("it ended without a call")
