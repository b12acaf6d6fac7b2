"""A trace for each call: the call's span, in it a span for each turn, in that one for each hop.

Turns and hops are known when they are over: their spans are made then, with the times that the timeline holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from voicebot import __version__
from voicebot.events import (
    AgentTurnStarted,
    Event,
    FallbackEvent,
    InterruptionJudged,
    ProviderFailed,
    ToolCalled,
    TurnMeasured,
)
from voicebot.hooks import hookimpl
from voicebot.timeline import HOPS
from voicebot_hooks_opentelemetry.attributes import call_attributes, event_attributes, turn_attributes

__all__ = ["Tracing"]

MAX_CALLS = 64
"""Calls that are on as far as is known here; where the end of one was missed, it is forgotten in time."""

ENGINES = {
    "end_of_turn": "turn",
    "stt_final": "stt",
    "llm_ttft": "llm",
    "first_clause": "llm",
    "tts_ttfa": "tts",
}
"""Whose doing a hop is."""


@dataclass(slots=True)
class _Call:
    span: Span
    at_s: float
    """On the clock of the events, where on the wall's it was `started_ns`."""
    started_ns: int
    engines: Mapping[str, Sequence[str]]
    committed: set[int] = field(default_factory=set)
    noted: defaultdict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    """What happened in turns that are not over, by the turn."""

    def ns(self, at_s: float) -> int:
        """Nanoseconds since 1970."""
        return self.started_ns + round((at_s - self.at_s) * 1e9)


class Tracing:
    """The hook plugin.

    Args:
        transcripts: whether spans may hold what was said.
    """

    def __init__(self, provider: TracerProvider, *, transcripts: bool) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("voicebot", __version__)
        self._transcripts = transcripts
        self._calls: dict[str, _Call] = {}

    @hookimpl
    def voicebot_call_started(
        self,
        call_id: str,
        profile_name: str,
        engines: Mapping[str, Sequence[str]],
        at_s: float,
        started_at: datetime,
    ) -> None:
        if len(self._calls) >= MAX_CALLS:
            self._calls.pop(next(iter(self._calls))).span.end()
        started_ns = round(started_at.timestamp() * 1e6) * 1000
        span = self._tracer.start_span(
            "call",
            Context(),
            SpanKind.SERVER,
            {"voicebot.call.id": call_id, "voicebot.profile": profile_name}
            | {f"voicebot.engine.{kind}": list(names) for kind, names in engines.items()},
            start_time=started_ns,
        )
        self._calls[call_id] = _Call(span, at_s, started_ns, engines)

    @hookimpl
    def voicebot_turn_committed(self, call_id: str, event: AgentTurnStarted) -> None:
        if (call := self._calls.get(call_id)) is not None:
            call.committed.add(event.turn_id)

    @hookimpl
    def voicebot_interruption(self, call_id: str, event: InterruptionJudged) -> None:
        self._note(call_id, event, event.turn_id)

    @hookimpl
    def voicebot_error(self, call_id: str, event: ProviderFailed) -> None:
        self._note(call_id, event, event.turn_id)

    @hookimpl
    def voicebot_event(self, call_id: str, event: Event) -> None:
        if isinstance(event, FallbackEvent | ToolCalled):
            self._note(call_id, event, event.turn_id)

    @hookimpl
    def voicebot_turn_measured(self, call_id: str, event: TurnMeasured, origin_s: float) -> None:
        call = self._calls.get(call_id)
        if call is None:
            return
        report = event.report
        stamps = {name: origin_s + ms / 1000 for name, ms in report["timeline_ms"].items()}
        attributes = turn_attributes(report, transcripts=self._transcripts)
        attributes |= {
            "voicebot.call.id": call_id,
            "voicebot.turn.committed": event.turn_id in call.committed,
        }
        span = self._tracer.start_span(
            "turn",
            set_span_in_context(call.span, Context()),
            attributes=attributes,
            start_time=call.ns(min((*stamps.values(), event.at_s))),
        )
        for hop, (start, end) in HOPS.items():
            if start in stamps and end in stamps:
                self._tracer.start_span(
                    hop,
                    set_span_in_context(span, Context()),
                    attributes={"voicebot.engine": list(call.engines.get(ENGINES[hop], ()))},
                    start_time=call.ns(stamps[start]),
                ).end(call.ns(stamps[end]))
        self._tell(call, span, call.noted.pop(event.turn_id, ()))
        if report["ended"] == "failed":
            span.set_status(Status(StatusCode.ERROR, "; ".join(report["errors"])))
        span.end(call.ns(max((*stamps.values(), event.at_s))))

    @hookimpl
    def voicebot_call_ended(self, call_id: str, report: Mapping[str, Any]) -> None:
        call = self._calls.pop(call_id, None)
        if call is None:
            return
        for noted in call.noted.values():  # of turns that came to nothing
            self._tell(call, call.span, noted)
        call.span.set_attributes(call_attributes(report))
        if report["errors"]:
            call.span.set_status(Status(StatusCode.ERROR, report["errors"][0]["message"]))
        lasted_ms = report["call"]["warmup_ms"] + report["call"]["duration_ms"]
        call.span.end(call.ns(call.at_s + lasted_ms / 1000))

    @hookimpl
    def voicebot_closing(self) -> None:
        self._provider.shutdown()

    def _note(self, call_id: str, event: Event, turn_id: int | None) -> None:
        call = self._calls.get(call_id)
        if call is None:
            return
        if turn_id is None:
            self._tell(call, call.span, (event,))
        else:
            call.noted[turn_id].append(event)

    def _tell(self, call: _Call, span: Span, events: Sequence[Event]) -> None:
        for event in events:
            name, attributes = event_attributes(event, transcripts=self._transcripts)
            span.add_event(name, attributes, call.ns(event.at_s))
