"""How the engines of a call worker are: which of them work, which do not, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from voicebot.engines import Engine, Engines
from voicebot.events import Event, FallbackEvent
from voicebot.fallback import FallbackProvider
from voicebot.fallback.breaker import BreakerState
from voicebot.interfaces import Kind, Provider

__all__ = ["EngineHealth", "EngineState", "HealthWatch"]

LOOK_EVERY_S = 1.0
LONGEST_WHY = 300
"""Characters."""

EngineState = Literal["ready", "warming", "broken"]
"""`ready`: it may be asked; also one that has failed and may be tried again. `warming`: it has not said yet."""


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """One engine of a call worker."""

    kind: Kind
    plugin: str
    state: EngineState
    breaker: BreakerState = "closed"
    why: str = ""
    """What was wrong the last time, while it is broken or on trial; one line."""
    warmup_ms: float | None = None
    """None: it is not warm."""


class HealthWatch:
    """Looks after a call worker's engines, and tells how they are whenever that has changed.

    Args:
        tell: called with the health of each, by kind and in the order of the profile.
    """

    def __init__(self, engines: Engines, tell: Callable[[list[EngineHealth]], None]) -> None:
        self._engines = engines
        self._tell = tell
        self._told: list[EngineHealth] | None = None
        self._said: dict[tuple[str, str], str] = {}
        """By kind and plugin: the last error of an engine's request."""

    async def run(self) -> None:
        """Look again and again, since a breaker's time passes without an event, and so may a server's trouble."""
        while True:
            if self._engines.warm:
                for engine in self._engines:
                    if isinstance(engine.provider, FallbackProvider):
                        engine.provider.warm_up_again()
            self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def heard(self, event: Event) -> None:
        """What happens in a call; attempts that failed say why."""
        if isinstance(event, FallbackEvent):
            self._said[event.kind, event.plugin] = event.message
            self.look()

    def look(self) -> None:
        """Tell, if anything has changed since the last time."""
        health = [one for engine in self._engines for one in self._of(engine)]
        if health != self._told:
            self._told = health
            self._tell(health)

    def _of(self, engine: Engine[Provider]) -> list[EngineHealth]:
        if isinstance(engine.provider, FallbackProvider):
            return [
                self._one(engine.kind, link.plugin, link.problem, link.breaker, link.warmup_ms)
                for link in engine.provider.health()
            ]
        error = self._engines.not_there.get(engine.kind)
        problem = error.message if error is not None else ""
        return [
            self._one(engine.kind, engine.name, problem, "closed", self._engines.warmup_ms.get(engine.kind))
        ]

    def _one(
        self, kind: Kind, plugin: str, problem: str, breaker: BreakerState, warmup_ms: float | None
    ) -> EngineHealth:
        if problem:
            state: EngineState = "broken"
        elif warmup_ms is None:
            state = "warming"
        else:
            state = "broken" if breaker == "open" else "ready"
        said = problem or (self._said.get((kind, plugin), "") if breaker != "closed" else "")
        return EngineHealth(kind, plugin, state, breaker, _line(said), warmup_ms)


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_WHY else f"{line[:LONGEST_WHY]}…"
