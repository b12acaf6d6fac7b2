"""Where a turn's milliseconds went: clock stamps, the hops between them, and the budget's verdict.

All stamps are seconds on the process's one monotonic clock. Hops, in the order in which a serial turn passes them:

    end_of_turn     last speech sample -> the turn is committed
    stt_final       final transcript asked for -> there
    llm_ttft        model asked -> first token
    first_clause    first token -> first clause whole
    tts_ttfa        first clause handed to the voice -> its first audible sample, leading silence counted
    orchestration   what no hop accounts for between the user's last sample and the agent's first

A turn that speculates passes some of them during the end-of-turn wait, so hops overlap and their sum may exceed
`voice_to_voice`; `orchestration` is what remains of it when the union of all hops is taken away.
`voice_to_voice` here is the server's: to the first audible sample handed to the transport. What the listener's side
measures, if it does, is not of this clock and no stamp: it stands in the report as `heard_voice_to_voice_ms`, network,
jitter buffer and sound card included, and cannot be split into hops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from voicebot.settings import BudgetSettings

__all__ = ["HOPS", "STAMPS", "Budget", "BudgetVerdict", "Stamp", "Timeline"]

Stamp = Literal[
    "speech_ended",
    "committed",
    "stt_requested",
    "stt_final",
    "llm_requested",
    "llm_first_token",
    "first_clause",
    "tts_requested",
    "tts_first_audio",
    "first_audible",
    "llm_finished",
    "playout_finished",
]
STAMPS: tuple[Stamp, ...] = get_args(Stamp)

HOPS: dict[str, tuple[Stamp, Stamp]] = {
    "end_of_turn": ("speech_ended", "committed"),
    "stt_final": ("stt_requested", "stt_final"),
    "llm_ttft": ("llm_requested", "llm_first_token"),
    "first_clause": ("llm_first_token", "first_clause"),
    "tts_ttfa": ("tts_requested", "tts_first_audio"),
}


class Timeline:
    """The stamps of one turn. The first stamp of a name counts; later ones are ignored."""

    def __init__(self) -> None:
        self._stamps: dict[Stamp, float] = {}

    def stamp(self, name: Stamp, at_s: float) -> None:
        self._stamps.setdefault(name, at_s)

    def at(self, name: Stamp) -> float | None:
        return self._stamps.get(name)

    @property
    def voice_to_voice_ms(self) -> float | None:
        """None where the agent was never audible, or the user said nothing (a greeting)."""
        return self._between_ms("speech_ended", "first_audible")

    def hops_ms(self) -> dict[str, float]:
        """The hops that were passed, `orchestration` included where the turn was heard."""
        hops = {}
        for name, (start, end) in HOPS.items():
            duration = self._between_ms(start, end)
            if duration is not None:
                hops[name] = duration
        orchestration = self._orchestration_ms()
        if orchestration is not None:
            hops["orchestration"] = orchestration
        return hops

    def stamps_ms(self, origin_s: float) -> dict[str, float]:
        """All stamps, in ms since `origin_s` (the call's start), in the order of `STAMPS`."""
        return {name: (self._stamps[name] - origin_s) * 1000 for name in STAMPS if name in self._stamps}

    def _between_ms(self, start: Stamp, end: Stamp) -> float | None:
        a, b = self._stamps.get(start), self._stamps.get(end)
        return None if a is None or b is None else (b - a) * 1000

    def _orchestration_ms(self) -> float | None:
        begin, end = self._stamps.get("speech_ended"), self._stamps.get("first_audible")
        if begin is None or end is None:
            return None
        spans = sorted(
            (max(a, begin), min(b, end))
            for first, last in HOPS.values()
            if (a := self._stamps.get(first)) is not None and (b := self._stamps.get(last)) is not None
        )
        covered, reached = 0.0, begin
        for a, b in spans:
            if b > max(a, reached):
                covered += b - max(a, reached)
                reached = b
        return (end - begin - covered) * 1000


@dataclass(frozen=True, slots=True)
class BudgetVerdict:
    within: bool
    over_ms: dict[str, float]
    """The hops (and `voice_to_voice`) over their budget, and by how much."""
    guilty: str
    """The hop furthest over its budget in ms; "" where the turn is within it."""

    def as_dict(self) -> dict[str, Any]:
        over = {name: round(ms, 1) for name, ms in self.over_ms.items()}
        return {"within": self.within, "guilty": self.guilty, "over_ms": over}


class Budget:
    """Judges timelines. A hop without a budget is never over it."""

    def __init__(self, settings: BudgetSettings) -> None:
        names = (*HOPS, "orchestration", "voice_to_voice")
        self._limits_ms = {n: limit for n in names if (limit := getattr(settings, n, None)) is not None}

    def judge(self, timeline: Timeline) -> BudgetVerdict:
        measured = timeline.hops_ms()
        total = timeline.voice_to_voice_ms
        if total is not None:
            measured["voice_to_voice"] = total
        over = {
            name: measured[name] - limit
            for name, limit in self._limits_ms.items()
            if name in measured and measured[name] > limit
        }
        hops_over = {name: ms for name, ms in over.items() if name != "voice_to_voice"}
        # Only the total may be over: then the longest hop is to blame.
        blame = hops_over or {name: ms for name, ms in measured.items() if name != "voice_to_voice"}
        return BudgetVerdict(not over, over, max(blame, key=blame.__getitem__) if over and blame else "")
