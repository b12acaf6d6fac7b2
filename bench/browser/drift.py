"""Clocks and memory over a long call: does anything run away?

The browser's page asks a question every 15 s, and scripted engines answer. Every few seconds it is noted where four
clocks are (the page's, its AudioContext's, the samples it has played, the RTP time of the agent's packet being played),
what the jitter buffer does, and how much memory every process has. A clock that runs at another speed shows as a slope
in parts per million.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from bench.browser.common import options, print_table, role, write_result
from tests.browser.support.call_page import CallPage, calling
from tests.browser.support.microphone import QUESTION, microphone_file
from tests.browser.support.processes import rss_mb
from tests.browser.support.recording import stats
from tests.browser.support.server import SCRIPTED, Server, over, serving

QUESTION_EVERY_S = 15.0
QUESTION_S = 1.935

# The agent's clock at the ear: the RTP timestamp of the packet that is being played, and when it was.
CLOCKS = """() => {
  window.__clock ??= new AudioContext();
  const now = performance.now();
  const output = window.__clock.getOutputTimestamp();
  const receiver = __harness.connections.flatMap((c) => c.getReceivers()).findLast((r) => r.track.kind === "audio");
  const source = receiver?.getSynchronizationSources()[0];
  return {
    nowMs: now,
    audioMs: output.performanceTime ? output.contextTime * 1000 + (now - output.performanceTime) : null,
    rtp: source?.rtpTimestamp ?? null,
    playedAtMs: source ? source.timestamp - performance.timeOrigin : null,
  };
}"""


def main() -> None:
    parser = options("drift", __doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=5, help="seconds between two looks")
    settings = parser.parse_args()
    result = asyncio.run(measure(settings))
    print_table(f"Clocks, {settings.minutes:g} minutes, {settings.transport}", result["clocks"])
    print_table("Resident memory, MB", result["memory"])
    print_table("Jitter buffer", result["jitter_buffer"])
    write_result(settings.json, settings, result)


async def measure(settings: argparse.Namespace) -> dict[str, Any]:
    seconds = settings.minutes * 60
    rounds = int(seconds / QUESTION_EVERY_S) + 1
    parts = [part for _ in range(rounds) for part in (QUESTION, QUESTION_EVERY_S - QUESTION_S)]
    looks: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        microphone = microphone_file(Path(folder) / "questions.wav", 3.0, *parts)
        async with serving(SCRIPTED, over(settings.transport)) as server:
            async with calling(server.url, microphone, record=False) as (page, browser):
                first = browser.processes[0].pid
                while not looks or looks[-1]["nowMs"] < looks[0]["nowMs"] + seconds * 1000:
                    looks.append(await _look(page, server, first))
                    await asyncio.sleep(settings.every)
            [report] = await server.reports()
    return {
        "clocks": _clocks(looks),
        "memory": _memory(looks),
        "jitter_buffer": _jitter_buffer(looks),
        "turns": len(report["turns"]),
        "report": report,
        "looks": looks,
    }


async def _look(page: CallPage, server: Server, browser_pid: int) -> dict[str, Any]:
    clocks: dict[str, Any] = await page.page.evaluate(CLOCKS)
    inbound = (await stats(page.page)).inbound
    memory: dict[str, float] = {"browser": rss_mb(browser_pid)}
    for process in server.processes():
        name = role(process, server)
        memory[name] = memory.get(name, 0) + rss_mb(process.pid)
    return {**clocks, "inbound": inbound, "rss_mb": memory}


def _clocks(looks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each clock against the page's: by how much it is faster, and how far it was off in between."""
    rows = []
    audio = [(look["nowMs"], look["audioMs"]) for look in looks if look["audioMs"] is not None]
    samples = [
        (look["nowMs"], look["inbound"]["totalSamplesDuration"] * 1000)
        for look in looks
        if "totalSamplesDuration" in look["inbound"]
    ]
    # Between answers the last packet stays the one that was played last: each is taken once.
    rtp = {look["rtp"]: (look["playedAtMs"], look["rtp"] / 48) for look in looks if look["rtp"] is not None}
    for name, pairs in (
        ("AudioContext", audio),
        ("samples played", samples),
        ("agent's RTP time, played", list(rtp.values())),
    ):
        if len(pairs) < 3:
            continue
        page_ms, clock_ms = np.array(pairs).T
        slope, offset = np.polyfit(page_ms - page_ms[0], clock_ms - clock_ms[0], 1)
        residual = (clock_ms - clock_ms[0]) - (slope * (page_ms - page_ms[0]) + offset)
        rows.append(
            {
                "clock": name,
                "ppm": float((slope - 1) * 1e6),
                "end to end ms": float((clock_ms[-1] - clock_ms[0]) - (page_ms[-1] - page_ms[0])),
                "off by up to ms": float(np.abs(residual).max()),
                "looks": len(pairs),
            }
        )
    return rows


def _memory(looks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    minutes = np.array([look["nowMs"] for look in looks]) / 60_000
    rows = []
    for name in looks[-1]["rss_mb"]:
        values = np.array([look["rss_mb"].get(name, 0.0) for look in looks])
        half = len(values) // 2
        # Of the second half: what warms up has done so by then.
        slope = np.polyfit(minutes[half:], values[half:], 1)[0] if len(values) - half > 2 else float("nan")
        rows.append(
            {
                "process": name,
                "first": float(values[0]),
                "last": float(values[-1]),
                "highest": float(values.max()),
                "MB a minute, second half": float(slope),
            }
        )
    return rows


def _jitter_buffer(looks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What it held in each quarter of the call, and the samples that it took out or put in to keep to that."""
    rows = []
    edges = [looks[round(i * (len(looks) - 1) / 4)]["inbound"] for i in range(5)]
    for quarter, (before, after) in enumerate(itertools.pairwise(edges), 1):

        def grown(name: str, a: dict[str, Any] = before, b: dict[str, Any] = after) -> float:
            return float(b.get(name, 0)) - float(a.get(name, 0))

        emitted = grown("jitterBufferEmittedCount")
        rows.append(
            {
                "quarter": quarter,
                "held ms": 1000 * grown("jitterBufferDelay") / emitted if emitted else None,
                "samples removed": grown("removedSamplesForAcceleration"),
                "samples inserted": grown("insertedSamplesForDeceleration"),
                "concealed": grown("concealedSamples"),
                "packets lost": grown("packetsLost"),
            }
        )
    return rows


if __name__ == "__main__":
    main()
