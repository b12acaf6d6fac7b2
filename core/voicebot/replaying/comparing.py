"""Two logs of one call compared: what was said, heard and interrupted, and where each turn's milliseconds went.

Turns are those of the same user's audio, so they are matched by when the user had finished; a turn that the other log
has not (the agent cut in where it did not before, or waited) stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

from voicebot.timeline import HOPS

__all__ = ["Comparison", "Turn", "TurnPair", "WordRun", "compare", "first_difference", "word_runs"]

Log = Sequence[Mapping[str, Any]]
"""Events as messages; times count from when the microphone was opened."""

SAME_TURN_MS = 1_500.0
TEXTS = ("user", "agent", "heard")
HOP_NAMES = (*HOPS, "orchestration", "voice_to_voice")
_MEASURES = (
    "at_s",
    "speech_end_s",
    "cpu_ms",
    "ran_ms",
    "report",
    "text_ms",
    "silence_ms",
    "held_ms",
    "verdicts",
)
_MEASURED_OF = {
    "fallback_event": ("after_ms", "wait_ms"),
    "tool_called": ("ms",),
    "turn_heard": ("voice_to_voice_ms",),
    "speculation_discarded": ("tokens", "audio_ms"),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """An exchange as a log has it.

    Attributes:
        at_ms: when the user had finished; None for what nobody asked for (the greeting).
    """

    number: int
    at_ms: float | None
    user: str
    agent: str
    heard: str
    ended: str
    hops_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class WordRun:
    """Words in a row, of both texts or of one."""

    of: Literal["both", "before", "now"]
    text: str


@dataclass(frozen=True, slots=True)
class TurnPair:
    """The same exchange in both logs; None where one has it not."""

    before: Turn | None
    now: Turn | None

    @property
    def same(self) -> bool:
        """What was said, heard and ended is the same. How long it took is not asked."""
        if self.before is None or self.now is None:
            return False
        return all(getattr(self.before, name) == getattr(self.now, name) for name in (*TEXTS, "ended"))

    def texts(self) -> dict[str, list[WordRun]]:
        """`user`, `agent` and `heard`, word by word."""
        return {
            name: word_runs(getattr(self.before, name, ""), getattr(self.now, name, "")) for name in TEXTS
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a replay differs from the call.

    Attributes:
        interruptions: of each log, what was judged to be one, or not: turn, verdict and reason.
        failures: of each log, the engines' errors.
        missing: what the replay asked that is not in the recording.
        difference: the first event in which the logs differ, times and measurements aside; None where they do not.
    """

    turns: list[TurnPair]
    interruptions: tuple[list[dict[str, Any]], list[dict[str, Any]]]
    failures: tuple[list[str], list[str]]
    missing: list[str] = field(default_factory=list)
    difference: tuple[dict[str, Any] | None, dict[str, Any] | None] | None = None

    @property
    def same(self) -> bool:
        """The same conversation: words, endings, interruptions and failures. When things happened is not asked."""
        judged = [
            [(one["turn"], one["interrupted"], one["why"]) for one in side] for side in self.interruptions
        ]
        return (
            all(pair.same for pair in self.turns)
            and judged[0] == judged[1]
            and self.failures[0] == self.failures[1]
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON: `before` is the call, `now` the replay."""
        return {
            "same": self.same,
            "turns": [_pair_as_dict(pair) for pair in self.turns],
            "interruptions": dict(zip(("before", "now"), self.interruptions, strict=True)),
            "failures": dict(zip(("before", "now"), self.failures, strict=True)),
            "missing": self.missing,
            "first_difference": None
            if self.difference is None
            else dict(zip(("before", "now"), self.difference, strict=True)),
        }


def compare(before: Log, now: Log, missing: Sequence[str] = ()) -> Comparison:
    """Compare the log of a replay with the call's."""
    return Comparison(
        _pairs(_turns(before), _turns(now)),
        (_interruptions(before), _interruptions(now)),
        (_failures(before), _failures(now)),
        list(missing),
        first_difference(before, now),
    )


def first_difference(before: Log, now: Log) -> tuple[dict[str, Any] | None, dict[str, Any] | None] | None:
    """The first event that is not the same in both; None of one side where it has ended."""
    for index in range(max(len(before), len(now))):
        pair = tuple(dict(log[index]) if index < len(log) else None for log in (before, now))
        if _decided(pair[0]) != _decided(pair[1]):
            return pair[0], pair[1]
    return None


def _decided(message: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What of an event is a decision, and no measurement."""
    if message is None:
        return None
    left_out = (*_MEASURES, *_MEASURED_OF.get(message["name"], ()))
    return {name: value for name, value in message.items() if name not in left_out}


def word_runs(before: str, now: str) -> list[WordRun]:
    """Two texts as one: the words of both, and where they differ first those of the one, then those of the other."""
    one, other = before.split(), now.split()
    runs = []
    for how, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if how == "equal":
            runs.append(WordRun("both", " ".join(one[a:b])))
            continue
        if a < b:
            runs.append(WordRun("before", " ".join(one[a:b])))
        if c < d:
            runs.append(WordRun("now", " ".join(other[c:d])))
    return runs


# --- what a log says --------------------------------------------------------------------------------------------------


def _turns(log: Log) -> list[Turn]:
    """Those that were answered, from their reports; the others as far as they came."""
    turns: dict[int, Turn] = {}
    ends_ms: dict[int, float] = {}
    for message in log:
        if message["name"] == "pause_judged" and message["ended"]:
            ends_ms[message["turn_id"]] = message["speech_end_s"] * 1000
        elif message["name"] == "user_transcript" and message["final"]:
            number = message["turn_id"]
            at_ms = ends_ms.get(number, message["at_s"] * 1000)
            turns[number] = Turn(number, at_ms, message["text"], "", "", "unanswered", {})
        elif message["name"] == "turn_measured":
            report = message["report"]
            said = turns.get(message["turn_id"])
            hops = dict(report["hops_ms"])
            if report["voice_to_voice_ms"] is not None:
                hops["voice_to_voice"] = report["voice_to_voice_ms"]
            at_ms = report["timeline_ms"].get("speech_ended", None if said is None else said.at_ms)
            turns[message["turn_id"]] = Turn(
                message["turn_id"],
                at_ms,
                report["user_text"],
                report["agent_text"],
                report["heard_text"],
                report["ended"],
                hops,
            )
    return list(turns.values())


def _pairs(before: Sequence[Turn], now: Sequence[Turn]) -> list[TurnPair]:
    """In the order in which they happened."""
    pairs: list[TurnPair] = []
    left = list(now)
    for turn in before:
        match = min(
            (other for other in left if _apart_ms(turn, other) <= SAME_TURN_MS),
            key=lambda other: _apart_ms(turn, other),
            default=None,
        )
        if match is not None:
            left.remove(match)
        pairs.append(TurnPair(turn, match))
    pairs += [TurnPair(None, turn) for turn in left]
    return sorted(pairs, key=_begins_ms)


def _apart_ms(one: Turn, other: Turn) -> float:
    if one.at_ms is None or other.at_ms is None:
        return 0.0 if one.at_ms is other.at_ms else float("inf")
    return abs(one.at_ms - other.at_ms)


def _begins_ms(pair: TurnPair) -> float:
    turn = pair.before or pair.now
    assert turn is not None
    return -1.0 if turn.at_ms is None else turn.at_ms


def _interruptions(log: Log) -> list[dict[str, Any]]:
    return [
        {
            "at_s": message["at_s"],
            "turn": message["turn_id"],
            "interrupted": message["interrupted"],
            "why": message["why"],
            "text": message["text"],
        }
        for message in log
        if message["name"] == "interruption_judged"
    ]


def _failures(log: Log) -> list[str]:
    return [
        f"{message['kind']} {message['plugin']}: {message['message']}"
        for message in log
        if message["name"] == "provider_failed"
    ]


def _pair_as_dict(pair: TurnPair) -> dict[str, Any]:
    sides = {"before": pair.before, "now": pair.now}
    return {
        "same": pair.same,
        **{
            name: {side: None if turn is None else getattr(turn, name) for side, turn in sides.items()}
            for name in ("number", *TEXTS, "ended")
        },
        "hops_ms": {
            hop: {side: None if turn is None else turn.hops_ms.get(hop) for side, turn in sides.items()}
            for hop in HOP_NAMES
            if any(turn is not None and hop in turn.hops_ms for turn in sides.values())
        },
    }
