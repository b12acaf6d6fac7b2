"""What is known of a call when it is over: per turn, per queue, per process."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voicebot._version import __version__
from voicebot.errors import EngineError
from voicebot.events import InterruptionJudged, SpeculationDiscarded, as_message
from voicebot.queues import QueueStatistics
from voicebot.timeline import Budget, BudgetVerdict, Timeline

if TYPE_CHECKING:
    from voicebot.agent_turn import AgentTurn
    from voicebot.fallback import FallbackEvent

__all__ = ["CallReport", "TurnRecord"]


@dataclass(slots=True)
class TurnRecord:
    """One exchange: what the user said and what came of it. Number 0 is the greeting."""

    number: int
    user_text: str = ""
    speech_ended_s: float | None = None
    committed_s: float | None = None
    stt_requested_s: float | None = None
    stt_final_s: float | None = None
    agent_text: str = ""
    heard_text: str = ""
    reason: str = "unanswered"
    heard_ms: float | None = None
    """Voice to voice as the listener's side measured it, where it does."""
    timeline: Timeline = field(default_factory=Timeline)
    verdict: BudgetVerdict | None = None
    tokens: dict[str, int] | None = None
    errors: list[str] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    """The calls that the answer took."""

    def stamp_recognition(self, timeline: Timeline) -> None:
        if self.stt_requested_s is not None and self.stt_final_s is not None:
            timeline.stamp("stt_requested", self.stt_requested_s)
            timeline.stamp("stt_final", self.stt_final_s)

    def stamp_end_of_turn(self, timeline: Timeline) -> None:
        if self.speech_ended_s is not None and self.committed_s is not None:
            timeline.stamp("speech_ended", self.speech_ended_s)
            timeline.stamp("committed", self.committed_s)

    def settle(self, turn: AgentTurn, budget: Budget, *, reason: str, heard_text: str) -> None:
        """The answer is over, one way or another."""
        self.agent_text, self.heard_text, self.reason = turn.ledger.text, heard_text, reason
        self.timeline = turn.timeline
        self.verdict = budget.judge(turn.timeline)
        if turn.usage is not None:
            usage = turn.usage
            self.tokens = {
                "prompt": usage.prompt_tokens,
                "cached": usage.cached_tokens,
                "completion": usage.completion_tokens,
            }

    def as_dict(self, origin_s: float) -> dict[str, Any]:
        """Times in ms; stamps since `origin_s`."""
        total = self.timeline.voice_to_voice_ms
        return {
            "turn": self.number,
            "user_text": self.user_text,
            "agent_text": self.agent_text,
            "heard_text": self.heard_text,
            "ended": self.reason,
            "voice_to_voice_ms": None if total is None else round(total, 1),
            "heard_voice_to_voice_ms": None if self.heard_ms is None else round(self.heard_ms, 1),
            "hops_ms": {name: round(ms, 1) for name, ms in self.timeline.hops_ms().items()},
            "timeline_ms": {name: round(ms, 1) for name, ms in self.timeline.stamps_ms(origin_s).items()},
            "budget": None if self.verdict is None else self.verdict.as_dict(),
            "tokens": self.tokens,
            "tools": self.tools,
            "errors": self.errors,
        }


@dataclass(slots=True)
class CallReport:
    call_id: str
    started_s: float = 0.0
    answered_s: float = 0.0
    """When the engines were warm and the microphone was opened: the origin of all stamps."""
    ended_s: float = 0.0
    turns: list[TurnRecord] = field(default_factory=list)
    errors: list[EngineError] = field(default_factory=list)
    fallbacks: list[FallbackEvent] = field(default_factory=list)
    """Attempts that failed, and what was done about them."""
    queues: dict[str, QueueStatistics] = field(default_factory=dict)
    discarded_speculations: int = 0
    wasted_tokens: int = 0
    wasted_cpu_ms: float = 0.0
    interruptions: int = 0
    false_interruptions: int = 0
    """Sounds while the agent had the floor that turned out to be none: it went on."""
    refused_packets: int = 0
    """Packets of a cancelled turn that tried to follow it."""

    def discarded(self, event: SpeculationDiscarded) -> None:
        """Count an answer that was prepared in vain."""
        self.discarded_speculations += 1
        self.wasted_tokens += event.tokens
        self.wasted_cpu_ms += event.cpu_ms

    def judged(self, event: InterruptionJudged) -> None:
        """Count an interruption, or what seemed to be one."""
        if event.interrupted:
            self.interruptions += 1
        else:
            self.false_interruptions += 1

    def add_queue(self, name: str, statistics: QueueStatistics) -> None:
        """Count a queue in; several of one name (one a turn) count as one, with the highest high-water mark."""
        known = self.queues.get(name)
        if known is None:
            self.queues[name] = statistics
            return
        known.high_water = max(known.high_water, statistics.high_water)
        known.accepted += statistics.accepted
        known.dropped += statistics.dropped

    def as_dict(self) -> dict[str, Any]:
        return {
            "voicebot": __version__,
            "call": {
                "id": self.call_id,
                "warmup_ms": round((self.answered_s - self.started_s) * 1000, 1),
                "duration_ms": round((self.ended_s - self.answered_s) * 1000, 1),
                "discarded_speculations": self.discarded_speculations,
                "wasted_tokens": self.wasted_tokens,
                "wasted_cpu_ms": round(self.wasted_cpu_ms, 1),
                "interruptions": self.interruptions,
                "false_interruptions": self.false_interruptions,
                "refused_packets": self.refused_packets,
            },
            "turns": [turn.as_dict(self.answered_s) for turn in self.turns],
            "errors": [_error_as_dict(error) for error in self.errors],
            "fallbacks": [_fallback_as_dict(event, self.answered_s) for event in self.fallbacks],
            "queues": {name: statistics.as_dict() for name, statistics in self.queues.items()},
            "process": process_usage(),
        }


def process_usage() -> dict[str, float]:
    """CPU seconds (user and system) and peak resident memory of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # Linux counts in KiB, macOS in bytes.
    peak_bytes = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    return {
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_rss_mb": round(peak_bytes / 1e6, 1),
    }


def _fallback_as_dict(event: FallbackEvent, origin_s: float) -> dict[str, Any]:
    told = as_message(event)
    del told["name"]
    return {"at_ms": round((told.pop("at_s") - origin_s) * 1000, 1), **told}


def _error_as_dict(error: EngineError) -> dict[str, Any]:
    return {
        "kind": error.kind,
        "plugin": error.plugin,
        "distribution": error.distribution,
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
    }
