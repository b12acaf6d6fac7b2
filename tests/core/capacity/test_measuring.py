"""More and more processes talk, until they are too many: here scripts that only say they did."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from voicebot.capacity.measuring import measure
from voicebot.capacity.steps import Step
from voicebot.errors import VoicebotError

TALKER = """
import json, os, sys
number, ms, pids = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
open(pids, "a").write(f"{os.getpid()}\\n")
def say(message):
    print(json.dumps(message), flush=True)
say({"type": "warm"})
for step, line in enumerate(sys.stdin, start=number):
    assert float(line) == 7.5
    turns = [{"voice_to_voice_ms": ms[step], "fault": "", "cut_off": False}] * 2
    say({"type": "talked", "turns": turns, "rss_mb": 100})
"""


def held(
    tmp_path: Path, ms: Sequence[float], *, most: int = 8, limit_ms: float | None = None, script: str = TALKER
) -> tuple[list[Step], float | None, list[str]]:
    pids, lines = tmp_path / "pids", list[str]()

    def command(number: int) -> list[str]:
        return [sys.executable, "-S", "-c", script, str(number), json.dumps(ms), str(pids)]

    async def main() -> Any:
        async with asyncio.timeout(60):
            return await measure(
                command,
                most=most,
                step_s=7.5,
                limit_ms=limit_ms,
                warmup_s=30,
                on_step=lambda step, limit: None,
                on_line=lines.append,
            )

    steps, limit = asyncio.run(main())
    assert not any(psutil.pid_exists(int(pid)) for pid in pids.read_text().split())
    return steps, limit, lines


def test_it_ends_with_the_step_that_is_too_many(tmp_path: Path) -> None:
    steps, limit, lines = held(tmp_path, [600, 700, 950, 1200], limit_ms=900)
    assert [(step.calls, step.p90_ms) for step in steps] == [(1, 600.0), (2, 700.0), (3, 950.0)]
    assert [len(step.turns) for step in steps] == [2, 4, 6]
    assert limit == 900
    assert len(lines) == 3


def test_without_a_budget_a_single_call_is_the_measure(tmp_path: Path) -> None:
    steps, limit, _ = held(tmp_path, [600, 899, 901])
    assert (len(steps), limit) == (3, 900.0)


def test_it_ends_where_it_is_told_to(tmp_path: Path) -> None:
    assert len(held(tmp_path, [600] * 4, most=2)[0]) == 2


def test_it_ends_before_the_memory_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        available = 120e6

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    steps, _, lines = held(tmp_path, [600] * 4)
    assert len(steps) == 1
    assert lines[-1] == "120 MB of memory are left: too little for another call."


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; sys.exit('there is no such model')", "there is no such model"),
        ("print('hello')", "nothing that makes sense"),
        (TALKER.replace('"talked"', '"walked"'), "nothing that makes sense"),
        (TALKER.replace('"fault": ""', '"fault": 3'), "nothing that makes sense"),
    ],
)
def test_one_that_cannot_talk_is_an_error(tmp_path: Path, script: str, said: str) -> None:
    (tmp_path / "pids").touch()
    with pytest.raises(VoicebotError, match=said):
        held(tmp_path, [600], script=script)
