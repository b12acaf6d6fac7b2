"""What came of a sound while the agent spoke: pure functions, times in ms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voicebot.bench.caller import Answer
from voicebot.bench.scenario import BENCH_RATE
from voicebot.bench.words import reached_words, words
from voicebot.events import InterruptionJudged

if TYPE_CHECKING:
    from voicebot.bench.scoring import CallRecord

__all__ = ["BargeResult", "judge_barge"]


@dataclass(slots=True)
class BargeResult:
    name: str
    kind: str
    ended_answer: bool
    """Whether it ended the answer."""
    missed: bool = False
    """It was an interruption and did not."""
    false_interruption: bool = False
    """It was none and did."""
    stop_ms: float | None = None
    """The interruption's first speech sample -> the last audible sample of the answer; 0 where that was silent."""
    decision_ms: float | None = None
    """The interruption's first speech sample -> the answer was dropped."""
    decision_to_silence_ms: float | None = None
    """From there to the last audible sample; 0 where it had been silent before."""
    judged: list[dict[str, Any]] = field(default_factory=list)
    """What the server took the sounds for."""
    held_ms: float = 0.0
    """The longest silence inside the answer that began with or after the sound, while the answer went on after it."""
    all_resumed: bool | None = None
    """After a sound that was no interruption: the answer went on from the same sample and was heard to its end."""
    resumed_at: list[int | None] = field(default_factory=list)
    """Where it went on, each time it was taken back: samples from where it was cut; null: it did not."""
    extra_turns: int = 0
    """Answers to what was no turn."""
    answer_text: str = ""
    heard_text: str = ""
    """What the server believes was heard."""
    heard_transcript: str | None = None
    """What a recogniser hears in the recording."""
    ledger_error_words: int | None = None
    """Words of `heard_text` beyond those that the recording holds; negative where it claims less."""


def judge_barge(record: CallRecord, answer: Answer) -> BargeResult:
    """What came of the scenario's sound while `answer` was given."""
    caller = record.caller
    barge = caller.scenario.barge
    assert barge is not None
    ended = record.ended(answer.turn_id)
    stopped = ended is not None and ended.reason == "interrupted"
    result = BargeResult(barge.name, barge.kind, stopped)
    real = barge.kind == "interruption"
    result.missed, result.false_interruption = real and not stopped, stopped and not real
    if ended is not None:
        result.answer_text, result.heard_text = ended.text, ended.heard_text
    begin = caller.barge_speech[0] if caller.barge_speech is not None else None
    decisions = [event for event in record.events if isinstance(event, InterruptionJudged)]
    if begin is not None:
        decisions = [event for event in decisions if record.position(event.at_s) >= begin]
    result.judged = [
        {
            "interrupted": event.interrupted,
            "why": event.why,
            "speech_ms": round(event.speech_ms, 1),
            "held_ms": round(event.held_ms, 1),
            "text": event.text,
        }
        for event in decisions
    ]
    if stopped and begin is not None:
        assert ended is not None
        decided_s = next((e.at_s for e in decisions if e.interrupted), ended.at_s)
        _stop(record, result, answer, begin, record.position(decided_s))
    if not stopped:
        _resume(record, result, answer, begin or 0)
    if not real:
        result.extra_turns = sum(1 for other in caller.answers if other.started > answer.started)
    if real and stopped and record.heard_transcript is not None:
        result.heard_transcript = record.heard_transcript
        reached = reached_words(result.answer_text, record.heard_transcript)
        result.ledger_error_words = len(words(result.heard_text)) - reached
    return result


def _stop(record: CallRecord, result: BargeResult, answer: Answer, begin: int, decided: int) -> None:
    last = record.caller.agent.last_audible(answer.turn_id, record.length)
    if last is None:
        return
    result.stop_ms = _ms(max(0, last - begin))
    result.decision_ms = _ms(decided - begin)
    result.decision_to_silence_ms = _ms(max(0, last - decided))


def _resume(record: CallRecord, result: BargeResult, answer: Answer, begin: int) -> None:
    agent = record.caller.agent
    gaps = [end - start for start, end in agent.gaps(answer.turn_id, record.length) if end > begin]
    result.held_ms = _ms(max(gaps, default=0))
    if result.missed:
        return
    cuts = [cut for cut in agent.cuts if cut.turn == answer.turn_id and cut.at < record.length]
    result.resumed_at = [agent.resumed_at(cut) for cut in cuts]
    ended = record.ended(answer.turn_id)
    finished = ended is not None and ended.reason == "finished" and ended.heard_text == ended.text
    result.all_resumed = finished and all(at == 0 for at in result.resumed_at)


def _ms(samples: int) -> float:
    return round(samples * 1000 / BENCH_RATE, 2)
