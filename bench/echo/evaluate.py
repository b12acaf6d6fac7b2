"""How well the echo check tells the agent's own voice from a user's: `python -m bench.echo.evaluate`."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from voicebot.audio import Samples
from voicebot.echo import IS_ECHO, EchoCheck
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot_vad_silero import SileroConfig, SileroVAD

from .cases import Case, draw_case, scores, windows
from .scenes import RATE, WINDOW
from .voices import AGENT_RATE, speak_all

SPEECH = 0.5
"""Silero's probability from which on a window is speech."""
HOLD = 3
"""Windows of speech in a row that make the agent stop."""
WINDOW_S = WINDOW / RATE
Mask = npt.NDArray[np.bool_]


def speech(vad: SileroVAD, sound: Samples) -> Mask:
    stream = vad.start()
    return np.array([stream.process(window) >= SPEECH for _, window in windows(sound)])


def first_run(wanted: Mask, length: int) -> int | None:
    """Where the first `length` true values in a row begin."""
    count = 0
    for index, value in enumerate(wanted):
        count = count + 1 if value else 0
        if count == length:
            return index - length + 1
    return None


def judge(case: Case, vad: SileroVAD, threshold: float) -> dict[str, Any]:
    """One call's figures: counts of windows, holds by turn, delays of a user over an echo in ms."""
    spoken = speech(vad, case.microphone)
    started = time.process_time()
    flagged = scores(EchoCheck(), case) >= threshold
    cost_ms = (time.process_time() - started) * 1000 / len(flagged)
    figures: dict[str, Any] = {"cost_ms": cost_ms, "speech": int(spoken.sum())}
    figures["flagged"] = int((spoken & flagged).sum())
    if case.path and not case.onsets_s:
        figures["path"] = asdict(case.path)
        figures["starts"], figures["holds"] = [], []
        for start_s, turn in case.turns:
            first = start_s + (case.path.delay_ms - 100) / 1000
            part = slice(int(first / WINDOW_S), int((first + len(turn) / AGENT_RATE + 0.8) / WINDOW_S))
            heard = np.flatnonzero(spoken[part])[:6]
            figures["starts"].append([bool(value) for value in flagged[part][heard]])
            figures["holds"].append(first_run((spoken & ~flagged)[part], HOLD) is not None)
    elif case.path:
        user = speech(vad, case.user)
        figures["extra_ms"] = []
        for onset_s in case.onsets_s:
            # From the first window that would count as speech if the user were alone.
            at = int(onset_s / WINDOW_S)
            at += int(np.argmax(user[at : at + 12]))
            run = first_run(~flagged[at : at + 40], HOLD)
            figures["extra_ms"].append(run * WINDOW_S * 1000 if run is not None else 9_999)
    return figures


def report(results: dict[str, list[dict[str, Any]]]) -> None:
    def share(kind: str) -> float:
        return float(sum(r["flagged"] for r in results[kind]) / sum(r["speech"] for r in results[kind]))

    echo, both = results["echo"], results["both"]
    click.echo(
        f"echo alone, {len(echo)} calls: {share('echo'):.2%} of {sum(r['speech'] for r in echo)} windows flagged"
    )
    for turn in range(3):
        starts = [value for r in echo for value in r["starts"][turn]]
        thirds = [not any(r["starts"][turn][:3]) for r in echo]
        holds = sum(r["holds"][turn] for r in echo)
        click.echo(
            f"  turn {turn + 1}: {np.mean(starts):.1%} of the first 6 windows; none of the first 3 in "
            f"{sum(thirds)} calls; 3 in a row unflagged anywhere in {holds}"
        )
    click.echo(f"user, no echo, {len(results['user'])} calls: {share('user'):.2%} of ", nl=False)
    click.echo(f"{sum(r['speech'] for r in results['user'])} windows flagged")
    click.echo(f"user over echo, {len(both)} calls: 3 windows in a row unflagged from")
    for turn in range(3):
        extra = np.array([r["extra_ms"][turn] for r in both])
        parts = [f"<= {limit} ms {np.mean(extra <= limit):.0%}" for limit in (0, 64, 150, 200, 400)]
        click.echo(f"  turn {turn + 1}: {', '.join(parts)}")
    costs = {kind: float(np.mean([r["cost_ms"] for r in rows])) for kind, rows in results.items()}
    click.echo("CPU per window, ms: " + ", ".join(f"{kind} {cost:.2f}" for kind, cost in costs.items()))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=40, help="of each kind")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--threshold", type=float, default=IS_ECHO)
    parser.add_argument("--json", type=Path, help="write every call's figures there")
    options = parser.parse_args()
    models = ModelStore()
    agents, users = await speak_all(models)
    vad = SileroVAD(SileroConfig(), ProviderContext(models))
    await vad.warmup()
    results: dict[str, list[dict[str, Any]]] = {}
    for number, kind in enumerate(("echo", "user", "both")):
        results[kind] = []
        for index in range(options.calls):
            case = draw_case(kind, agents, users, np.random.default_rng([options.seed, number, index]))
            results[kind].append(judge(case, vad, options.threshold))
    await vad.aclose()
    report(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
