"""What operators are shown: how the engines of all call workers are, and what has been counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from voicebot.events import Event
from voicebot.headroom import Headroom
from voicebot.health import EngineHealth
from voicebot.supervising.counting import Counts

__all__ = ["Operations"]

STATES = ("ready", "warming", "broken")
BREAKERS = ("closed", "half_open", "open")
DRAINING = "draining: no further call is taken"


@dataclass(slots=True)
class _Worker:
    engines: Sequence[EngineHealth] = ()
    warm: bool = False


class Operations(Collector):
    """The supervisor tells it what the workers say; a front asks it (`voicebot.interfaces.Operations`)."""

    def __init__(self, min_idle: float = 0.0) -> None:
        self.closing = False
        """The supervisor drains: no further call is taken."""
        self.calls_on = 0
        self.headroom = Headroom(min_idle)
        self._workers: dict[int, _Worker] = {}
        self._registry = CollectorRegistry()
        self._counts = Counts(self._registry)
        self._registry.register(self)

    # --- from the supervisor --------------------------------------------------------------------------------------

    def healthy(self, number: int, engines: Sequence[EngineHealth]) -> None:
        """So are the engines of a worker."""
        self._workers.setdefault(number, _Worker()).engines = engines
        for engine in engines:
            self._counts.know(engine.kind, engine.plugin)

    def warm(self, number: int) -> None:
        """A worker can hold calls."""
        self._workers.setdefault(number, _Worker()).warm = True

    def gone(self, number: int) -> None:
        """A worker's process is over."""
        self._workers.pop(number, None)

    def happened(self, event: Event) -> None:
        """An event of some call."""
        self._counts.count(event)

    def trouble(self, number: int) -> str:
        """Why a worker could not answer anybody, in one line; "" where it could."""
        return _trouble(self._workers[number].engines) if number in self._workers else ""

    # --- for the front --------------------------------------------------------------------------------------------

    def obstacle(self) -> str:
        """Why no call could be answered now, whichever worker took it, in one line; "" where one could."""
        if self.closing:
            return DRAINING
        warm = [worker for worker in self._workers.values() if worker.warm]
        troubles = [_trouble(worker.engines) for worker in warm or self._workers.values()]
        if warm:
            return troubles[0] if all(troubles) else ""
        return next(filter(None, troubles), "")

    def busy(self) -> str:
        """Why a further call would spoil those that are on, in one line; "" where it would not."""
        return self.headroom.obstacle(self.calls_on)

    def engines(self) -> list[dict[str, Any]]:
        """Each engine of the profile, over all workers, in the form of /readyz."""
        entries: dict[tuple[int, str, str], list[EngineHealth]] = {}
        for worker in self._workers.values():
            for position, engine in enumerate(worker.engines):
                entries.setdefault((position, engine.kind, engine.plugin), []).append(engine)
        return [_summed(kind, plugin, every) for (_, kind, plugin), every in sorted(entries.items())]

    def metrics(self) -> str:
        """Everything that is counted, as Prometheus' text format 0.0.4."""
        return generate_latest(self._registry).decode()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The engines' states and the machine's headroom, for the registry."""
        labels = ("kind", "plugin", "state")
        states = GaugeMetricFamily(
            "voicebot_engines", "Call workers by the state of an engine.", labels=labels
        )
        breakers = GaugeMetricFamily(
            "voicebot_breakers", "Call workers by the state of an engine's circuit breaker.", labels=labels
        )
        # A chain may name a plugin twice: one series all the same.
        counts: Counter[tuple[str, str, str, str]] = Counter()
        for worker in self._workers.values():
            for engine in worker.engines:
                names = (engine.kind, engine.plugin)
                counts.update({("state", *names, state): engine.state == state for state in STATES})
                counts.update({("breaker", *names, state): engine.breaker == state for state in BREAKERS})
        for (what, *values), count in sorted(counts.items()):
            (states if what == "state" else breakers).add_metric(values, count)
        idle = GaugeMetricFamily(
            "voicebot_idle_ratio", "Share of the machine's CPU that was idle in the last ten seconds."
        )
        if self.headroom.idle is not None:
            # Rounded: a front is told of what has changed, and that is no change.
            idle.add_metric((), round(self.headroom.idle, 2))
        return (states, breakers, idle)


def _trouble(engines: Sequence[EngineHealth]) -> str:
    for kind in dict.fromkeys(engine.kind for engine in engines):
        chain = [engine for engine in engines if engine.kind == kind]
        if all(engine.state == "broken" for engine in chain):
            whys = "; ".join(f"{engine.plugin}: {engine.why or 'it failed'}" for engine in chain)
            return f"no {kind} engine works: {whys}"
    return ""


def _summed(kind: str, plugin: str, every: list[EngineHealth]) -> dict[str, Any]:
    states: Counter[str] = Counter(engine.state for engine in every)
    breakers: Counter[str] = Counter(engine.breaker for engine in every)
    warmups = [engine.warmup_ms for engine in every if engine.warmup_ms is not None]
    return {
        "kind": kind,
        "plugin": plugin,
        "state": next(state for state in ("ready", "broken", "warming") if states[state]),
        "workers": {state: states[state] for state in STATES},
        "breakers": {state: breakers[state] for state in BREAKERS},
        "why": next((engine.why for engine in every if engine.why), ""),
        "warmup_ms": max(warmups, default=None),
    }
