"""The calls that are on, as an operator sees them (sans-I/O)."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, get_args

from voicebot.events import (
    AgentTurnEnded,
    CallStarted,
    CallState,
    Event,
    FallbackEvent,
    InterruptionJudged,
    LimitReached,
    ProviderFailed,
    QueueOverflowed,
    SpeculationDiscarded,
    StateChanged,
    TurnHeard,
    TurnMeasured,
    UserTranscript,
)
from voicebot.keeping.consent import Consent
from voicebot.operating.turns import measured, turn_shown

__all__ = ["CallsOn"]

TURNS = 5
"""The last turns of a call whose bars are shown."""
LINES = 8
"""The last lines of what is said, of both sides."""
LONGEST_TEXT = 300
QUEUES = 16
"""Names of queues that are told apart in a call."""
STATES: tuple[CallState, ...] = get_args(CallState)


@dataclass(slots=True)
class _Call:
    began_unix_s: float
    consent: Consent
    state: str = "warming_up"
    ending: bool = False
    turns: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=TURNS))
    answered: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)
    trouble: str = ""
    lines: OrderedDict[tuple[int, str], str] = field(default_factory=OrderedDict)


class CallsOn:
    """Tell it each event of each call; `shown` is what the page draws.

    The events come from other processes, and the types of their fields may be wrong.

    Args:
        transcripts: whether the last lines of what is said are shown, once there is consent.
        consent: makes what listens for it, for each call anew.
    """

    def __init__(self, *, transcripts: bool, consent: Callable[[], Consent]) -> None:
        self._transcripts = transcripts
        self._consent = consent
        self._calls: dict[str, _Call] = {}

    def happened(self, call_id: str, event: Event, unix_s: float) -> None:
        """An event of a call."""
        if isinstance(event, CallStarted):
            self._calls[call_id] = _Call(unix_s, self._consent())
        call = self._calls.get(call_id)
        if call is None:
            return
        if isinstance(event, StateChanged) and event.state in STATES:
            call.state = event.state
        elif isinstance(event, TurnMeasured):
            _turn(call, event.report)
        elif isinstance(event, TurnHeard):
            for turn in call.turns:
                if turn["turn"] == event.turn_id:
                    turn["heard_ms"] = measured(event.voice_to_voice_ms)
        elif isinstance(event, InterruptionJudged):
            call.counts["interruptions" if event.interrupted else "false_interruptions"] += 1
        elif isinstance(event, SpeculationDiscarded):
            call.counts["discarded"] += 1
        elif isinstance(event, FallbackEvent | ProviderFailed):
            call.counts["failures"] += 1
            call.trouble = f"{event.kind} {event.plugin}: {event.message}"[:LONGEST_TEXT]
        elif isinstance(event, QueueOverflowed):
            queue = str(event.queue)[:40]
            if queue in call.drops or len(call.drops) < QUEUES:
                call.drops[queue] += 1
        elif isinstance(event, LimitReached):
            call.ending = True
        if self._transcripts:
            _listen(call, event)

    def keep_only(self, call_ids: Collection[str]) -> None:
        """These are on, and no others any more."""
        self._calls = {call_id: call for call_id, call in self._calls.items() if call_id in call_ids}

    def shown(self) -> list[dict[str, Any]]:
        """Each call, the oldest first, in JSON's terms."""
        return [
            {
                "id": call_id,
                "began_unix_s": round(call.began_unix_s, 1),
                "state": call.state,
                "ending": call.ending,
                "answered": call.answered,
                "turns": list(call.turns),
                "counts": dict(call.counts),
                "drops": dict(call.drops),
                "trouble": call.trouble,
                "lines": [{"who": who, "text": text} for (_, who), text in call.lines.items()],
            }
            for call_id, call in self._calls.items()
        ]


def _turn(call: _Call, report: Any) -> None:
    turn = turn_shown(report)
    if turn is not None:
        call.answered += 1
        call.turns.append(turn)


def _listen(call: _Call, event: Event) -> None:
    if isinstance(event, UserTranscript) and event.final is True:
        who, text = "user", event.text
    elif isinstance(event, AgentTurnEnded):
        who, text = "agent", event.heard_text
    else:
        return
    if not (isinstance(event.turn_id, int) and isinstance(text, str)):
        return
    call.consent.hear(event)
    if call.consent.covers(event):
        # The last word of a turn stands for what was said of it before.
        call.lines[event.turn_id, who] = text[:LONGEST_TEXT]
        while len(call.lines) > LINES:
            call.lines.popitem(last=False)
