"""A cell of the table: a fault, a stage, with or without another engine behind it; what was heard, and what broke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.faults.call import Call, Sound, hold
from bench.faults.cases import CASES, Case
from bench.faults.ears import Ear, Heard, named
from bench.faults.stages import STAGES, Stage

__all__ = ["Cell", "cells", "judged", "measure"]


@dataclass(frozen=True)
class Cell:
    stage: str
    fault: str
    chain: bool
    heard: str
    """In short: "answer", "apology" …"""
    words: str
    """As an ear that knows nothing of the call understood it."""
    after_s: float | None
    told: list[str]
    problems: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def cells(stages: Sequence[str], only: str = "") -> list[tuple[Case, Stage, bool]]:
    """All cells of these stages whose fault's name holds `only`."""
    return [
        (case, STAGES[name], chain)
        for name in stages
        for case in CASES
        if STAGES[name].kind in case.kinds and only.casefold() in case.name.casefold()
        for chain in (False, True)
    ]


async def measure(case: Case, stage: Stage, chain: bool, sound: Sound, ear: Ear) -> Cell:
    """Hold the call, and listen to what the caller heard of it."""
    call = await hold(case, stage, chain, sound)
    heard = await ear.hear(call.audio) if call.audio is not None else None
    return judged(case, stage, chain, call, heard)


def judged(case: Case, stage: Stage, chain: bool, call: Call, heard: Heard | None) -> Cell:
    """A caller hears an answer or an apology; where there is nobody to answer from the start, no call is taken."""
    problems = list(call.problems)
    if heard is None:
        name = "no call"
        if chain or not case.from_start or not call.refused:
            problems.append("no call was held")
    else:
        name = named(heard.text, stage)
        if name == "silence":
            problems.append("silence")
        elif "something else" in name:
            problems.append("something else was heard")
        elif not {"answer", "apology", "the other's answer"} & set(name.split(", then ")):
            problems.append("it broke off without a word")
    told = list(dict.fromkeys([*call.told, *([call.refused] if call.refused else [])]))
    after_s = None if heard is None or heard.after_s is None else round(heard.after_s, 2)
    return Cell(stage.name, case.name, chain, name, heard.text if heard else "", after_s, told, problems)
