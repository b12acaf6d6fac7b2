"""Where calls are tapped: between the session and whatever carries it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pydantic import BaseModel, SecretStr

from voicebot._version import __version__
from voicebot.audio import AudioChunk
from voicebot.clock import now
from voicebot.events import Event, KeepingFailed
from voicebot.interfaces import Connection, HeardReport
from voicebot.keeping.keeper import Keeper
from voicebot.keeping.schema import CallOpened
from voicebot.keeping.store import CallStore, folder_of
from voicebot.keeping.writing import Writer
from voicebot.profile import ResolvedProfile
from voicebot.tasks import task_group

__all__ = ["FINISH_S", "KeptConnection", "kept"]

FINISH_S = 5.0
"""How long the end of a call waits for what is still to be written."""

_log = logging.getLogger("voicebot.keeping")


class KeptConnection:
    """A connection whose audio and events a keeper sees as they pass."""

    def __init__(self, inner: Connection, keeper: Keeper) -> None:
        self._inner = inner
        self.keeper = keeper
        self.call_id = inner.call_id
        self.sample_rate = inner.sample_rate

    async def receive(self) -> AsyncIterator[AudioChunk | HeardReport]:
        async for item in self._inner.receive():
            if isinstance(item, AudioChunk):
                self.keeper.heard(item)
            yield item

    async def send(self, packet: AudioChunk) -> None:
        self.keeper.sent(packet)
        await self._inner.send(packet)

    def cancel(self) -> None:
        self.keeper.cancelled()
        self._inner.cancel()

    def heard_samples(self) -> int | None:
        return self._inner.heard_samples()

    def notify(self, event: Event) -> None:
        self.keeper.event(event)
        self._inner.notify(event)

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def kept(
    resolved: ResolvedProfile,
    call_id: str,
    connection: Connection,
    tell: Callable[[Event], None] = lambda event: None,
) -> AsyncGenerator[Connection, None]:
    """The connection to hold the call over, so that what the profile wants kept of it is.

    What is still to be written at the end is waited for, `FINISH_S` at most.

    Args:
        tell: called where something cannot be kept, with a `KeepingFailed`; also when the call is over.
    """
    settings = resolved.profile.keep
    if not settings.anything:
        yield connection
        return
    opened_s, folder = now(), folder_of(resolved.profile)
    writer = Writer(
        folder,
        call_id,
        opened_s=opened_s,
        logs=settings.audit or settings.transcripts,
        records=settings.recording,
        secrets=secrets_of(resolved),
        # A server may run for months: what is too old goes while nobody talks.
        tidy=lambda: CallStore(folder).prune_when_due(settings.days, opened_s),
    )
    keeper = Keeper(call_id, settings, writer, _opened(resolved), opened_s, tell)
    async with task_group(cancel_on_exit=True) as group:
        task = group.create_task(keeper.run(), name="keeping")
        try:
            yield KeptConnection(connection, keeper)
        finally:
            keeper.close()
            await asyncio.wait({task}, timeout=FINISH_S)
            if not task.done():
                _log.error("call %s: what is left of it is not written within %g s", call_id, FINISH_S)
                tell(KeepingFailed(now(), "log"))


def _opened(resolved: ResolvedProfile) -> CallOpened:
    profile = resolved.profile
    keep = profile.keep
    return CallOpened(
        started_at=datetime.now(UTC),
        voicebot=__version__,
        profile=profile.name,
        language=profile.agent.language,
        engines={kind: [section.use for section in chain] for kind, chain in resolved.chains.items()},
        keeps=[name for name in ("audit", "transcripts", "recording") if getattr(keep, name)],
        consent=keep.consent,
    )


def secrets_of(resolved: ResolvedProfile) -> tuple[str, ...]:
    """The secrets among the plugins' settings, the longest first."""
    found: set[str] = set()

    def look(value: object) -> None:
        if isinstance(value, SecretStr):
            found.add(value.get_secret_value())
        elif isinstance(value, BaseModel):
            for name in type(value).model_fields:
                look(getattr(value, name))
        elif isinstance(value, dict):
            look(list(value.values()))
        elif isinstance(value, list | tuple | set | frozenset):
            for child in value:
                look(child)

    for chain in resolved.chains.values():
        for section in chain:
            look(section.config)
    return tuple(sorted(found - {""}, key=len, reverse=True))
