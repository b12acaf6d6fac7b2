"""`voicebot bench` over the scripted plugins: a short corpus, and calls whose seconds pass on the virtual clock.

`python -m tests.bench.scripted bench …` is that as a command, for scripts that call `voicebot`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from tests.support.running import PLUGINS

import voicebot.bench.corpus
import voicebot.bench.memory
import voicebot.watchdog
from voicebot.bench.scenario import BenchTurn, Scenario
from voicebot.cli import main
from voicebot.testing import tone

CALLS = 6


def _scenarios(count: int, **asked: Any) -> list[Scenario]:
    turns = [BenchTurn("t", "plain", "what time is it", tone(s), 0.0, s, "tone") for s in (0.5, 0.6)]
    return [Scenario(f"plain-{number}", turns[number % 2]) for number in range(count)]


@contextmanager
def scripted_bench(*, calls: int = CALLS, virtual_clock: bool = True) -> Iterator[None]:
    """Until the block's end, `main(["bench", …])` holds so many scripted calls."""
    run = partial(voicebot.watchdog.run, virtual_clock=virtual_clock)
    path = os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH", "")]))
    settings = {"PYTHONPATH": path, "VOICEBOT_STT__TEXTS": '["What time is it?"]'}
    with (
        patch.object(sys, "path", [str(PLUGINS), *sys.path]),
        patch.dict(os.environ, settings),
        patch.object(voicebot.bench.corpus, "build_scenarios", partial(_scenarios, calls)),
        patch.object(voicebot.watchdog, "run", run),
        # A process for each profile: one test has them weighed.
        patch.object(voicebot.bench.memory, "engines_mb", lambda name, warmup_s: 100.0),
    ):
        yield


if __name__ == "__main__":
    with scripted_bench():
        sys.exit(main())
