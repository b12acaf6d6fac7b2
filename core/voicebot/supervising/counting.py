"""What happens in the calls of all workers, counted for Prometheus."""

from __future__ import annotations

import math
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from voicebot.events import (
    Event,
    FallbackEvent,
    InterruptionJudged,
    KeepingFailed,
    ProviderFailed,
    SpeculationDiscarded,
    TurnHeard,
    TurnMeasured,
)
from voicebot.interfaces import KINDS, Kind
from voicebot.profile.model import CHAIN_KINDS
from voicebot.supervising.reported import LONGEST_MS, as_mapping
from voicebot.timeline import HOPS

__all__ = ["Counts"]

HOP_NAMES = (*HOPS, "orchestration")
KEPT = ("log", "recording")
ENDINGS = ("finished", "interrupted", "failed")
OTHER = "other"
"""Stands for every plugin that the profile does not name, so that no message makes a new series."""

TOTAL_BUCKETS_S = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0)
HOP_BUCKETS_S = (0.025, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)


class Counts:
    """Counts events. Labels have values from fixed sets, and the names of the profile's own plugins.

    Args:
        registry: where they are exported from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"voicebot_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"voicebot_{name}", text, labels, registry=registry, buckets=buckets)

        self._plugins: set[tuple[str, str]] = set()
        self._turns = counter(
            "turns_total", "Exchanges that were answered, by how the answer ended.", "ended"
        )
        self._interruptions = counter("interruptions_total", "Answers that a caller interrupted.")
        self._false_interruptions = counter(
            "false_interruptions_total", "Sounds over an answer that were no interruption: it went on."
        )
        self._discarded = counter("speculations_discarded_total", "Answers that were prepared in vain.")
        self._apologies = counter("apologies_total", "Apologies because no engine could answer.")
        self._over_budget = counter(
            "over_budget_total", "Turns over their budget, by the hop that is to blame.", "hop"
        )
        self._errors = counter(
            "engine_errors_total", "Requests to an engine that failed, each attempt.", "kind", "plugin"
        )
        self._fallbacks = counter(
            "fallbacks_total",
            "Times when another engine was asked in place of the one that failed.",
            "kind",
            "plugin",
        )
        self._not_kept = counter(
            "keeping_failures_total", "Logs and recordings of calls that could not be written.", "what"
        )
        self._voice_to_voice = histogram(
            "voice_to_voice_seconds",
            "From a caller's last speech to the first audible answer, at the server.",
            TOTAL_BUCKETS_S,
        )
        self._heard = histogram(
            "heard_voice_to_voice_seconds",
            "The same at the caller's ear, where the page measures it.",
            TOTAL_BUCKETS_S,
        )
        self._hops = histogram("hop_seconds", "Parts of voice_to_voice; they overlap.", HOP_BUCKETS_S, "hop")
        # What has not happened yet is 0, not missing.
        for ended in ENDINGS:
            self._turns.labels(ended)
        for what in KEPT:
            self._not_kept.labels(what)
        for hop in HOP_NAMES:
            self._hops.labels(hop)
            self._over_budget.labels(hop)

    def know(self, kind: Kind, plugin: str) -> None:
        """A plugin that the profile names."""
        if (kind, plugin) not in self._plugins:
            self._plugins.add((kind, plugin))
            self._errors.labels(kind, plugin)
            if kind in CHAIN_KINDS:
                self._fallbacks.labels(kind, plugin)

    def count(self, event: Event) -> None:
        """Count what is to be counted of an event; the types of its fields may be wrong."""
        if isinstance(event, TurnMeasured):
            self._turn(event.report)
        elif isinstance(event, TurnHeard):
            _observe(self._heard, event.voice_to_voice_ms)
        elif isinstance(event, InterruptionJudged):
            (self._interruptions if event.interrupted else self._false_interruptions).inc()
        elif isinstance(event, SpeculationDiscarded):
            self._discarded.inc()
        elif isinstance(event, KeepingFailed) and event.what in KEPT:
            self._not_kept.labels(event.what).inc()
        elif isinstance(event, FallbackEvent):
            self._errors.labels(*self._who(event)).inc()
            if event.action == "next":
                self._fallbacks.labels(*self._who(event)).inc()
        elif isinstance(event, ProviderFailed) and event.kind not in CHAIN_KINDS:
            # Of a chain, every attempt has been counted.
            self._errors.labels(*self._who(event)).inc()

    def _turn(self, report: Any) -> None:
        if not isinstance(report, dict) or not report.get("turn"):
            return  # 0 is the greeting
        if not report.get("user_text"):
            # What is said in place of an answer has no question of its own.
            self._apologies.inc()
            return
        ended = report.get("ended")
        if ended in ENDINGS:
            self._turns.labels(ended).inc()
        _observe(self._voice_to_voice, report.get("voice_to_voice_ms"))
        hops = as_mapping(report.get("hops_ms"))
        for hop in HOP_NAMES:
            _observe(self._hops.labels(hop), hops.get(hop))
        guilty = as_mapping(report.get("budget")).get("guilty")
        if guilty in HOP_NAMES:
            self._over_budget.labels(guilty).inc()

    def _who(self, event: FallbackEvent | ProviderFailed) -> tuple[str, str]:
        who = (str(event.kind), str(event.plugin))
        if who in self._plugins:
            return who
        return (who[0] if who[0] in KINDS else OTHER, OTHER)


def _observe(histogram: Histogram, ms: Any) -> None:
    # An int may be longer than a float can be.
    if isinstance(ms, int | float) and -math.inf < ms <= LONGEST_MS:
        histogram.observe(max(0.0, ms) / 1000)
