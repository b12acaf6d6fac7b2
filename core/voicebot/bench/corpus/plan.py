"""Who says what in which call, decided by the seed alone."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeVar

from voicebot.bench.corpus import material
from voicebot.bench.corpus.material import Line
from voicebot.bench.corpus.recordings import PHRASES, PHRASES_WITH_PAUSES, Phrase
from voicebot.bench.corpus.voices import VOICES, Voice
from voicebot.bench.scenario import BargeKind, TurnKind
from voicebot.errors import VoicebotError

__all__ = [
    "COUNTS",
    "FULL_SIZE",
    "SMALLEST",
    "BargePlan",
    "NoisePlan",
    "Plan",
    "Speech",
    "counts",
    "make_plan",
]

T = TypeVar("T")

COUNTS: dict[TurnKind | BargeKind, int] = {
    "plain": 24, "pause": 10, "filler": 6, "numbers": 8, "noise": 12,
    "interruption": 12, "backchannel": 10, "cough": 10, "echo": 4,
}  # fmt: skip
"""Calls of each kind in the whole set; in the last four the agent is spoken over."""
FULL_SIZE = sum(COUNTS.values())
SMALLEST = len(COUNTS)

_COUGHS = (
    "cough", "throat-clearing", "cough", "throat-clearing", "knocks",
    "cough", "throat-clearing", "door", "cough", "chair",
)  # fmt: skip
_LEVEL_DBFS = -23.0
_LEVEL_SPREAD_DB = 4.0


@dataclass(frozen=True, slots=True)
class Speech:
    text: str
    source: Voice | Phrase
    parts: tuple[str, ...] = ()
    """As the voice is to read it."""
    gaps_s: tuple[float, ...] = ()
    """Silence after each part but the last."""
    dbfs: float = _LEVEL_DBFS


@dataclass(frozen=True, slots=True)
class NoisePlan:
    what: str
    """"babble" or "street"."""
    snr_db: float


@dataclass(frozen=True, slots=True)
class BargePlan:
    kind: BargeKind
    after_s: float
    speech: Speech | None = None
    cough: str = ""
    """Which of `noises.COUGHS`."""
    dbfs: float = _LEVEL_DBFS


@dataclass(frozen=True, slots=True)
class Plan:
    """One call."""

    name: str
    kind: TurnKind
    speech: Speech
    noise: NoisePlan | None = None
    barge: BargePlan | None = None
    echo_gain_db: float | None = None
    echo_delay_ms: float = 0.0


def counts(size: int | None) -> dict[TurnKind | BargeKind, int]:
    """How many calls of each kind are in a set of `size`.

    Raises:
        VoicebotError: there is no such set.
    """
    if size is None or size == FULL_SIZE:
        return dict(COUNTS)
    if not SMALLEST <= size < FULL_SIZE:
        raise VoicebotError(
            f"A set of {size} calls cannot be made.",
            hint=f"The whole set has {FULL_SIZE}; the smallest, with one of each kind, has {SMALLEST}.",
        )
    # One of each, and the rest in proportion: largest remainders.
    spare, room = size - SMALLEST, FULL_SIZE - SMALLEST
    shares = {kind: (count - 1) * spare / room for kind, count in COUNTS.items()}
    chosen = {kind: 1 + math.floor(share) for kind, share in shares.items()}
    for kind in sorted(shares, key=lambda kind: math.floor(shares[kind]) - shares[kind])[
        : size - sum(chosen.values())
    ]:
        chosen[kind] += 1
    return chosen


def make_plan(seed: int, size: int | None = None) -> list[Plan]:
    """The calls of a set, in the order in which they are held.

    Raises:
        VoicebotError: there is no set of that size.
    """
    plans = [plan for kind, count in counts(size).items() for plan in islice(_calls(kind, seed), count)]
    _rng(seed, "order").shuffle(plans)
    return plans


def _rng(seed: int, what: str) -> random.Random:
    return random.Random(f"{seed} {what}")


def _shuffled(items: Sequence[T], rng: random.Random) -> list[T]:
    return rng.sample(items, len(items))


def _voices(rng: random.Random, engines: Sequence[str]) -> Iterator[Voice]:
    """The engines in turn, and each engine's voices equally often."""
    families = [[voice for voice in VOICES if voice.engine == engine] for engine in engines]
    decks = [cycle(_shuffled(family, rng)) for family in _shuffled(families, rng)]
    while True:
        for deck in decks:
            yield next(deck)


def _level(rng: random.Random) -> float:
    return _LEVEL_DBFS + rng.uniform(-_LEVEL_SPREAD_DB, _LEVEL_SPREAD_DB)


def _said(line: Line, voice: Voice, rng: random.Random, gaps_s: tuple[float, ...] = ()) -> Speech:
    return Speech(line.text, voice, line.parts, gaps_s, _level(rng))


def _cut(phrase: Phrase, rng: random.Random) -> Speech:
    return Speech(phrase.text, phrase, dbfs=_level(rng))


def _calls(kind: TurnKind | BargeKind, seed: int) -> Iterator[Plan]:
    """The calls of one kind; a smaller set has the first of them."""
    rng = _rng(seed, kind)
    # Of eSpeak, neither what it says in noise is understood, nor single words and digits.
    voices = _voices(rng, ("piper",) if kind in ("noise", "numbers", "backchannel") else ("piper", "espeak"))
    match kind:
        case "plain":
            speeches = [
                _said(line, voice, rng)
                for line, voice in zip(_shuffled(material.PLAIN, rng), voices, strict=False)
            ]
            yield from _turns(
                kind, _mixed(speeches, [_cut(phrase, rng) for phrase in _shuffled(PHRASES, rng)])
            )
        case "pause":
            speeches = [
                _said(line, voice, rng, (pause_ms / 1000,))
                for (pause_ms, line), voice in zip(_shuffled(material.PAUSES, rng), voices, strict=False)
            ]
            yield from _turns(
                kind, _mixed(speeches, [_cut(phrase, rng) for phrase in _shuffled(PHRASES_WITH_PAUSES, rng)])
            )
        case "filler":
            lines = _shuffled(material.FILLERS, rng)
            yield from _turns(
                kind,
                [
                    _said(line, voice, rng, (rng.uniform(0.3, 0.9),))
                    for line, voice in zip(lines, voices, strict=False)
                ],
            )
        case "numbers":
            lines = _shuffled(material.NUMBERS, rng)
            yield from _turns(
                kind, [_said(line, voice, rng) for line, voice in zip(lines, voices, strict=False)]
            )
        case "noise":
            noises = cycle(
                _shuffled(
                    [NoisePlan(what, snr) for what in ("babble", "street") for snr in (10.0, 20.0)], rng
                )
            )
            lines = _shuffled(material.NOISY, rng)
            for index, (line, voice, noise) in enumerate(zip(lines, voices, noises, strict=False), 1):
                yield Plan(f"noise-{index:02}", "noise", _said(line, voice, rng), noise=noise)
        case _:
            yield from _spoken_over(kind, rng, voices)


def _turns(kind: TurnKind, speeches: Sequence[Speech]) -> Iterator[Plan]:
    for index, speech in enumerate(speeches, 1):
        yield Plan(f"{kind}-{index:02}", kind, speech)


def _mixed(many: Sequence[T], few: Sequence[T]) -> list[T]:
    """The few spread evenly among the many, one of them first."""
    step = (len(many) + len(few)) / len(few)
    places = {math.floor(index * step) for index in range(len(few))}
    rest, rare = iter(many), iter(few)
    return [next(rare) if place in places else next(rest) for place in range(len(many) + len(few))]


def _spoken_over(kind: BargeKind, rng: random.Random, voices: Iterator[Voice]) -> Iterator[Plan]:
    questions = cycle(_shuffled(material.LONG_ANSWERS, rng))
    lines = {
        "interruption": _shuffled(material.INTERRUPTIONS, rng),
        "backchannel": _shuffled(material.BACKCHANNELS, rng),
    }.get(kind, [])
    for index in range(COUNTS[kind]):
        voice = next(voices)
        question = _said(next(questions), voice, rng)
        after_s = rng.uniform(0.8, 3.5)
        name = f"{kind}-{index + 1:02}"
        if kind == "echo":
            gain_db, delay_ms = rng.uniform(-30, -10), rng.uniform(40, 250)
            yield Plan(
                name,
                "plain",
                question,
                barge=BargePlan(kind, 0.0),
                echo_gain_db=gain_db,
                echo_delay_ms=delay_ms,
            )
        elif kind == "cough":
            yield Plan(
                name,
                "plain",
                question,
                barge=BargePlan(kind, after_s, cough=_COUGHS[index], dbfs=_level(rng)),
            )
        else:
            over = _said(lines[index], voice, rng)
            yield Plan(name, "plain", question, barge=BargePlan(kind, after_s, over))
