"""What a call costs: several at once with scripted engines, so that only the transport and the session are counted.

Every call has a browser tab whose user asks a question every 10 s. CPU is user and system time of the processes, in
percent of one core, for the call's time; the browser (the greatest load of all) runs on the same machine and is left
out.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.browser.common import options, print_table, role, write_result
from tests.browser.support.call_page import CallPage
from tests.browser.support.chromium import chromium
from tests.browser.support.microphone import QUESTION, microphone_file
from tests.browser.support.processes import cpu_s, rss_mb
from tests.browser.support.server import SCRIPTED, Server, over, serving

EVERY_S = 10.0


def main() -> None:
    parser = options("load", __doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60)
    settings = parser.parse_args()
    result = asyncio.run(measure(settings))
    print_table(f"{settings.calls} calls at once, {settings.transport}", result["rows"])
    print_table("Heard by the callers", result["heard"])
    write_result(settings.json, settings, result)


async def measure(settings: argparse.Namespace) -> dict[str, Any]:
    environ = {**over(settings.transport), "VOICEBOT_CALLS": str(settings.calls)}
    rounds = [part for _ in range(int(settings.seconds / EVERY_S) + 2) for part in (QUESTION, EVERY_S - 2)]
    with tempfile.TemporaryDirectory() as folder:
        microphone = microphone_file(Path(folder) / "questions.wav", 4.0, *rounds)
        async with serving(SCRIPTED, environ) as server:
            await _all_warm(server, settings.calls)
            idle = await _cpu_over(server, min(10.0, settings.seconds))
            async with chromium(microphone, record=False) as browser:
                pages = [await CallPage.open(browser, server.url) for _ in range(settings.calls)]
                for page in pages:
                    await page.page.bring_to_front()
                    await page.talk()
                busy = await _cpu_over(server, settings.seconds)
                memory = _memory(server)
                for page in pages:
                    await page.press()
                    await page.state("ended")
            reports = await server.reports(settings.calls)
    rows = [
        {
            "process": name,
            "how many": busy[name][1],
            "CPU %, idle": idle.get(name, (0.0, 0))[0],
            "CPU %, in calls": percent,
            "CPU %, per call": (percent - idle.get(name, (0.0, 0))[0]) / settings.calls,
            "RSS MB": memory.get(name),
        }
        for name, (percent, _) in busy.items()
    ]
    heard = [
        {
            "call": number,
            "turns": len(report["turns"]),
            "finished": sum(turn["ended"] == "finished" for turn in report["turns"]),
            "heard voice to voice ms, worst": max(
                (turn["heard_voice_to_voice_ms"] or 0 for turn in report["turns"]), default=None
            ),
            "errors": len(report["errors"]),
        }
        for number, report in enumerate(reports, 1)
    ]
    return {"rows": rows, "heard": heard, "reports": reports}


async def _cpu_over(server: Server, seconds: float) -> dict[str, tuple[float, int]]:
    """By role: percent of a core over so long, and the number of processes."""
    loop = asyncio.get_running_loop()
    before = {process: cpu_s(process.pid) for process in server.processes()}
    began = loop.time()
    await asyncio.sleep(seconds)
    took = loop.time() - began
    used: defaultdict[str, float] = defaultdict(float)
    number: defaultdict[str, int] = defaultdict(int)
    for process, earlier in before.items():
        if process.alive():
            used[role(process, server)] += 100 * (cpu_s(process.pid) - earlier) / took
            number[role(process, server)] += 1
    return {name: (used[name], number[name]) for name in used}


async def _all_warm(server: Server, calls: int) -> None:
    """The server takes calls as soon as its first worker is warm: wait until the last one rests, too."""
    async with asyncio.timeout(120):
        while True:
            percent, workers = (await _cpu_over(server, 2)).get("call worker", (0.0, 0))
            if workers == calls and percent < 5:
                return


def _memory(server: Server) -> dict[str, float]:
    total: defaultdict[str, float] = defaultdict(float)
    for process in server.processes():
        total[role(process, server)] += rss_mb(process.pid)
    return dict(total)


if __name__ == "__main__":
    main()
