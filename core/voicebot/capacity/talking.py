"""One process that holds calls for `voicebot capacity`: `python -m voicebot.capacity.talking PROFILE NUMBER`.

It tells on standard output, a JSON object a line: `{"type": "warm"}`, then a `Talked` for each line of standard input,
which says for how long to talk (s). It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, BinaryIO

import psutil

from voicebot.bench.contestant import build_contestant, recordings_folder
from voicebot.bench.corpus import build_scenarios
from voicebot.bench.runner import Contestant, hold_scenario
from voicebot.bench.scenario import Scenario
from voicebot.bench.scoring import judge
from voicebot.capacity.steps import Talked, Turn
from voicebot.clock import now
from voicebot.errors import VoicebotError
from voicebot.models import ModelStore

__all__ = ["SEED", "SIZE", "talk", "users"]

SEED, SIZE = 1, 24
"""Of the simulated users' sentences."""
STRIDE = 5
"""How far apart in the list of sentences two processes begin; has no divisor in common with the list's length."""


def users() -> list[Scenario]:
    """What the simulated users say: a turn each, without anybody speaking over the agent.

    Raises:
        VoicebotError: the voices or the recordings are not on this machine.
    """
    made = build_scenarios(seed=SEED, size=SIZE, models=ModelStore(), cache_dir=recordings_folder())
    return [scenario for scenario in made if scenario.barge is None]


async def talk(contestant: Contestant, scenarios: Sequence[Scenario], for_s: float, first: int) -> Talked:
    """Hold one call after another for that long, and the last one to its end."""
    until_s, process = now() + for_s, psutil.Process()
    turns: list[Turn] = []
    number = first
    while now() < until_s:
        result = judge(await hold_scenario(contestant, scenarios[number % len(scenarios)]))
        number += 1
        # A call that ended when the others had stopped is not one among so many.
        if now() < until_s + 1.0 or not turns:
            turns.append(Turn(result.voice_to_voice_ms, result.fault, result.cut_off))
    return Talked(turns, round(process.memory_info().rss / 1e6))


async def _main(profile: str, number: int, told: BinaryIO, tell: BinaryIO) -> None:
    def say(message: dict[str, Any]) -> None:
        tell.write(json.dumps(message).encode() + b"\n")
        tell.flush()

    contestant, scenarios = build_contestant(profile), users()
    try:
        await contestant.engines.warmup(contestant.settings.deadlines.warmup_s)
        say({"type": "warm"})
        first = number * STRIDE
        while line := await asyncio.to_thread(told.readline):
            talked = await talk(contestant, scenarios, float(line), first)
            first += len(talked.turns)
            say({"type": "talked"} | asdict(talked))
    finally:
        await contestant.engines.aclose()


def main() -> int:
    """Exit code 2: it cannot talk here, and says why on standard error."""
    from voicebot.cli.calm import calm_engine_libraries
    from voicebot.watchdog import run

    calm_engine_libraries()
    # What a library prints must not be taken for what we say.
    tell = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        run(_main(sys.argv[1], int(sys.argv[2]), sys.stdin.buffer, tell))
    except VoicebotError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
