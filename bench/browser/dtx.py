"""How many packets a second go each way, in speech and in silence.

With Opus's DTX a silent side sends a few packets a second instead of 50. The user speaks, is silent while the
agent answers, and both are silent for a while; which second was which is read off the recordings of both sides.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.browser.common import mean, options, print_table, write_result
from tests.browser.support.call_page import calling
from tests.browser.support.hearing import spoken_parts
from tests.browser.support.microphone import QUESTION, microphone_file
from tests.browser.support.recording import Recording, Stats, recordings, stats
from tests.browser.support.server import SCRIPTED, over, serving

LEAD_S, SILENCE_S = 3.0, 22.0
MARGIN_S = 0.8
"""An encoder goes on for some packets when silence begins, and the network adds its delay."""


def main() -> None:
    parser = options("dtx", __doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="of speech, answer and silence")
    parser.add_argument("--dtx", choices=["on", "off"], default="on")
    settings = parser.parse_args()
    result = asyncio.run(measure(settings))
    print_table(f"Packets a second, DTX {settings.dtx}, {settings.transport}", result["rows"])
    write_result(settings.json, settings, result)


async def measure(settings: argparse.Namespace) -> dict[str, Any]:
    environ = {
        **over(settings.transport),
        "VOICEBOT_TRANSPORT__OPUS__DTX": "true" if settings.dtx == "on" else "false",
    }
    rounds = [part for _ in range(settings.rounds) for part in (QUESTION, QUESTION, QUESTION, SILENCE_S)]
    polls: list[Stats] = []
    with tempfile.TemporaryDirectory() as folder:
        microphone = microphone_file(Path(folder) / "speech.wav", LEAD_S, *rounds)
        async with serving(SCRIPTED, environ) as server, calling(server.url, microphone) as (page, _):
            over_s = LEAD_S + settings.rounds * (SILENCE_S + 6)
            began_ms = (await stats(page.page)).at_ms
            while not polls or polls[-1].at_ms < began_ms + over_s * 1000:
                await asyncio.sleep(0.5)
                polls.append(await stats(page.page))
            [heard], [said] = await recordings(page.page), await recordings(page.page, "microphone")
    rows = [
        *_rows("user to agent", polls, said, lambda poll: poll.outbound.get("packetsSent", 0)),
        *_rows("agent to user", polls, heard, lambda poll: poll.inbound.get("packetsReceived", 0)),
    ]
    return {"rows": rows}


def _rows(
    direction: str, polls: Sequence[Stats], sound: Recording, counter: Callable[[Stats], float]
) -> list[dict[str, Any]]:
    rates: dict[str, list[float]] = {"speech": [], "silence": []}
    spans = [
        (sound.started_ms / 1000 + begin, sound.started_ms / 1000 + end)
        for begin, end in spoken_parts(sound.audio, pause_s=0.5)
    ]
    for before, after in itertools.pairwise(polls):
        begin, end = before.at_ms / 1000, after.at_ms / 1000
        rate = (counter(after) - counter(before)) / (end - begin)
        if any(a + 0.1 <= begin and end <= b - 0.1 for a, b in spans):
            rates["speech"].append(rate)
        elif all(end < a - MARGIN_S or begin > b + MARGIN_S for a, b in spans):
            rates["silence"].append(rate)
    return [
        {
            "direction": direction,
            "while": name,
            "packets/s": mean(values),
            "half seconds": len(values),
        }
        for name, values in rates.items()
    ]


if __name__ == "__main__":
    main()
