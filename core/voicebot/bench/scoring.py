"""One held call judged against its scenario: pure functions, times in ms unless named otherwise.

Latencies are taken from the audio: both sides of the call lie on one clock, and the scenario knows the user's last
speech sample. What the server says of itself stands beside them and is not used for them, but for one fact: which
agent turn was committed when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from voicebot.audio import Samples
from voicebot.bench.barges import BargeResult, judge_barge
from voicebot.bench.caller import Answer, Ending, SimulatedCaller
from voicebot.bench.scenario import BENCH_RATE
from voicebot.bench.words import word_errors
from voicebot.events import (
    AgentTurnEnded,
    Event,
    PauseJudged,
    ProviderFailed,
    SpeculationDiscarded,
    TurnMeasured,
    UserTranscript,
)

__all__ = ["CallRecord", "TurnResult", "heard_audio", "judge"]

_LATE_MS = 40
"""A verdict that came so long after a pause was over was not on it; before, the clocks may differ by a window."""


@dataclass(slots=True)
class CallRecord:
    """What is left of a held call."""

    caller: SimulatedCaller
    start_s: float
    """Sample 0 on the events' clock."""
    length: int
    """Samples until the user hung up."""
    events: list[Event]
    """Until the user hung up."""
    aftermath: list[Event] = field(default_factory=list)
    ending: Ending = "done"
    error: str = ""
    """Why there was no call to speak of."""
    cpu_s: float = 0.0
    duration_s: float = 0.0
    heard_transcript: str | None = None
    """A transcript of what was heard of an interrupted answer."""

    def position(self, at_s: float) -> int:
        return round((at_s - self.start_s) * BENCH_RATE)

    def ended(self, turn_id: int) -> AgentTurnEnded | None:
        """How an answer ended before the user hung up."""
        ends = (e for e in self.events if isinstance(e, AgentTurnEnded) and e.turn_id == turn_id)
        return next(ends, None)


@dataclass(slots=True)
class TurnResult:
    """What came of one scenario, in the form of the report."""

    name: str
    kind: str
    text: str
    voice: str
    snr_db: float | None
    longest_pause_ms: float
    has_long_pause: bool
    fault: str = ""
    """Why there is no whole measurement: `unanswered`; `unheard`, where the answer was never audible; `no_barge`, where
    it was over too soon for the sound; `time_limit`; or an error."""
    cut_off: bool = False
    voice_to_voice_ms: float | None = None
    server_voice_to_voice_ms: float | None = None
    hops_ms: dict[str, float] = field(default_factory=dict)
    transcript: str = ""
    words: int = 0
    word_errors: int = 0
    pauses: list[dict[str, Any]] = field(default_factory=list)
    timing: dict[str, float] = field(default_factory=dict)
    """What a replay of the turn needs: see `curve`."""
    barge: BargeResult | None = None
    discarded: list[dict[str, Any]] = field(default_factory=list)
    cpu_s: float = 0.0
    duration_s: float = 0.0
    errors: list[str] = field(default_factory=list)


def judge(record: CallRecord) -> TurnResult:
    """What came of the call."""
    caller = record.caller
    scenario, turn = caller.scenario, caller.scenario.turn
    longest = max((pause.duration_s for pause in turn.pauses), default=0.0)
    result = TurnResult(
        name=scenario.name,
        kind=turn.kind,
        text=turn.text,
        voice=turn.voice,
        snr_db=turn.snr_db,
        longest_pause_ms=round(longest * 1000, 1),
        has_long_pause=turn.has_long_pause,
        fault=record.error or ("" if record.ending == "done" else record.ending),
        cut_off=caller.cut_off,
        cpu_s=round(record.cpu_s, 3),
        duration_s=round(record.duration_s, 3),
    )
    answer = caller.answer
    if answer is not None:
        _time(record, result, answer)
        if result.voice_to_voice_ms is None and not result.fault:
            result.fault = "unheard"
    _transcribe(record, result)
    result.pauses = _pauses(record)
    if scenario.barge is not None and not result.fault:
        if answer is None or (caller.barge_at is None and scenario.barge.kind != "echo"):
            result.fault = "no_barge"
        else:
            result.barge = judge_barge(record, answer)
    for event in record.events:
        if isinstance(event, SpeculationDiscarded):
            costs = {"tokens": event.tokens, "audio_ms": event.audio_ms}
            result.discarded.append(costs | {"ran_ms": event.ran_ms, "cpu_ms": event.cpu_ms})
        elif isinstance(event, ProviderFailed):
            result.errors.append(f"{event.kind} {event.plugin}: {event.message}")
    return result


def heard_audio(record: CallRecord) -> Samples | None:
    """What the listener heard of an answer that a real interruption ended; None where there was none."""
    caller = record.caller
    barge, answer = caller.scenario.barge, caller.answer
    if barge is None or barge.kind != "interruption" or caller.barge_at is None or answer is None:
        return None
    ended = record.ended(answer.turn_id)
    if ended is None or ended.reason != "interrupted":
        return None
    return caller.agent.audio(answer.turn_id, record.length)


def _time(record: CallRecord, result: TurnResult, answer: Answer) -> None:
    caller = record.caller
    audible = caller.agent.first_audible(answer.turn_id, record.length)
    if audible is not None:
        result.voice_to_voice_ms = round((audible - caller.speech_end) * 1000 / BENCH_RATE, 2)
    measured = (
        event
        for event in (*record.events, *record.aftermath)
        if isinstance(event, TurnMeasured) and event.turn_id == answer.turn_id
    )
    report = next((event.report for event in measured), None)
    if report is None:
        return
    result.server_voice_to_voice_ms = report.get("voice_to_voice_ms")
    result.hops_ms = dict(report.get("hops_ms") or {})
    _timing(record, result, answer, dict(report.get("timeline_ms") or {}))


def _timing(record: CallRecord, result: TurnResult, answer: Answer, stamps: dict[str, float]) -> None:
    """Where a replay starts from: all counted from the last speech as the server heard it."""
    ended, ready = stamps.get("speech_ended"), stamps.get("tts_first_audio")
    pause = next(
        (
            e
            for e in reversed(record.events)
            if isinstance(e, PauseJudged) and e.turn_id == answer.turn_id and e.ended
        ),
        None,
    )
    if ended is None or ready is None or pause is None or result.voice_to_voice_ms is None:
        return
    lag = (record.position(pause.speech_end_s) - record.caller.speech_end) * 1000 / BENCH_RATE
    waited = stamps.get("committed", ended) - ended
    serial = sum(
        result.hops_ms.get(hop, 0.0) for hop in ("stt_final", "llm_ttft", "first_clause", "tts_ttfa")
    )
    result.timing = {
        "lag_ms": round(lag, 1),
        "waited_ms": round(waited, 1),
        "ready_ms": round(ready - ended, 1),
        "serial_ms": round(serial, 1),
        "rest_ms": round(result.voice_to_voice_ms - lag - max(waited, ready - ended), 1),
    }


def _transcribe(record: CallRecord, result: TurnResult) -> None:
    barge_at = record.caller.barge_at
    texts = [
        event.text
        for event in record.events
        if isinstance(event, UserTranscript)
        and event.final
        and (barge_at is None or record.position(event.at_s) < barge_at)
    ]
    result.transcript = " ".join(text for text in texts if text)
    if not record.error:
        result.word_errors, result.words = word_errors(result.text, result.transcript)


def _pauses(record: CallRecord) -> list[dict[str, Any]]:
    """The pauses of the turn as they were judged, and what they truly were."""
    caller, found = record.caller, []
    for event in record.events:
        if not isinstance(event, PauseJudged):
            continue
        begin = record.position(event.speech_end_s)
        if caller.barge_at is not None and begin >= caller.barge_at:
            continue
        # Silence that outlasts the last speech sample is the end of the turn, wherever the server took it to begin.
        true_end = begin + event.silence_ms * BENCH_RATE / 1000 >= caller.speech_end
        found.append(
            {
                "true_end": true_end,
                "ended": event.ended,
                "silence_ms": round(event.silence_ms, 1),
                # A pause that was taken for the end would have lasted longer than it was waited for.
                "lasted_ms": None if true_end else _lasted_ms(caller, begin, event.silence_ms),
                "delay_ms": event.delay_ms,
                "verdicts": [v for v in event.verdicts if v["at_ms"] <= event.silence_ms + _LATE_MS],
                "text_ms": event.text_ms,
                "ending": event.ending,
            }
        )
    return found


def _lasted_ms(caller: SimulatedCaller, begin: int, silence_ms: float) -> float:
    """How long the user was silent in a pause inside their turn, from where the server heard it begin."""
    for pause in caller.scenario.turn.pauses:
        first, last = (caller.turn_at + round(at_s * BENCH_RATE) for at_s in (pause.start_s, pause.end_s))
        if first - BENCH_RATE // 4 <= begin < last:
            return round(max((last - begin) * 1000 / BENCH_RATE, silence_ms), 1)
    return round(silence_ms, 1)
