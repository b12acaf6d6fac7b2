"""What a profile's engines take of memory: weighed in a process of their own, for two in one process share libraries.

`python -m voicebot.bench.memory PROFILE` loads them, and prints the resident memory of the process and its children.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import psutil

from voicebot.bench.contestant import build_contestant

__all__ = ["engines_mb"]

_START_S = 60.0


def engines_mb(name: str, warmup_s: float) -> float | None:
    """In MB, once they are warm; None where they do not come up, which the run itself will say more of.

    Args:
        name: the profile.
        warmup_s: how long they may take to warm up.
    """
    command = [sys.executable, "-P", "-m", "voicebot.bench.memory", name]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_START_S + warmup_s, check=True
        )
        # Engines may have printed something before.
        return float(done.stdout.split()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return None


async def _weigh(name: str) -> float:
    contestant = build_contestant(name)
    try:
        await contestant.engines.warmup(contestant.settings.deadlines.warmup_s)
        process = psutil.Process()
        family = [process, *process.children(recursive=True)]
        return sum(each.memory_info().rss for each in family) / 1e6
    finally:
        await contestant.engines.aclose()


if __name__ == "__main__":
    sys.stdout.write(f"\n{asyncio.run(_weigh(sys.argv[1])):.0f}\n")
