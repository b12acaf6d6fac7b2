"""How long an answer takes to the listener's ear, and how soon the agent is silent when it is interrupted.

The profile's own engines answer questions from the bench's corpus, in one call over the transport. The page's own
measure ("heard") stands beside the server's, and beside what the recordings of microphone and agent say on one clock.
With `--barge` the user asks for something long each time, and speaks over it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from bench.browser.common import options, print_table, write_result
from bench.browser.hearing import Heard, Saying, interruption, onset_ms, place
from tests.browser.support.call_page import CallPage
from tests.browser.support.chromium import chromium
from tests.browser.support.microphone import microphone_file
from tests.browser.support.recording import recordings, stats
from tests.browser.support.server import ROOT, over, serving

from voicebot.audio import AudioChunk
from voicebot.bench.corpus import build_scenarios
from voicebot.bench.scenario import BENCH_RATE, Scenario
from voicebot.models import ModelStore

LEAD_S = 5.0
"""What is said before the call is there is lost."""
ANSWER_S = 7.0
"""From the end of a question to the next: what the longest of the short answers takes."""
LONGEST_S, SHORTEST_S = 5.0, 1.5
INTO_ANSWER_S = (2.0, 3.5)
"""The interruption begins this long after the end of the question that is answered at length."""

_WATCH = """(() => {
  const watched = { messages: [], contexts: [], clocks: [] };
  const count = (list) => list[0]?.samples ?? 0;
  setInterval(() => {
    const { microphone, received } = __harness;
    watched.clocks.push([performance.now(), count(microphone), count(received)]);
  }, 200);
  Object.defineProperty(window, "__watched", { value: watched });
  const Context = window.AudioContext;
  window.AudioContext = class AudioContext extends Context {
    constructor(...options) { super(...options); watched.contexts.push(this); }
  };
  const Node = window.AudioWorkletNode;
  window.AudioWorkletNode = class AudioWorkletNode extends Node {
    constructor(...options) {
      super(...options);
      this.port.addEventListener("message", ({ data }) => {
        if (data.type === "speech" && data.speaking) watched.messages.push(performance.now());
      });
    }
  };
})();"""
"""When the page was told that the user speaks, how late its output is, and how fast its devices' clocks run."""


@dataclass(frozen=True)
class Call:
    """What one call left behind."""

    heard: Heard
    told_ms: list[float]
    """When the page's own voice-activity detector told that the user speaks."""
    output_latency_ms: float
    jitter_buffer_ms: float | None
    report: dict[str, Any]


def main() -> None:
    parser = options("heard", __doc__.partition("\n")[0])
    parser.add_argument("--profile", type=Path, default=ROOT / "configs" / "bench.yaml")
    parser.add_argument("--turns", type=int, default=24, help="questions, or interruptions with --barge")
    parser.add_argument("--barge", action="store_true", help="measure interruptions, not answers")
    parser.add_argument("--seed", type=int, default=1, help="of the bench's corpus")
    parser.add_argument("--jitter-buffer", type=int, metavar="MS", help="instead of the profile's")
    settings = parser.parse_args()
    result = asyncio.run(_interruptions(settings) if settings.barge else _answers(settings))
    what = f"{settings.transport}, {settings.profile.stem}"
    print_table("Each one, ms", result["rows"])
    print_table(f"{'Interruptions' if settings.barge else 'Answers'}, ms: {what}", result["summary"])
    print_table("Of the call", [result["notes"]])
    write_result(settings.json, settings, result)


# --- answers ----------------------------------------------------------------------------------------------------------


async def _answers(settings: argparse.Namespace) -> dict[str, Any]:
    sayings: list[Saying] = []
    parts: list[AudioChunk | float] = [LEAD_S]
    at_s = LEAD_S
    for scenario in _questions(settings):
        turn = scenario.turn
        sayings.append(Saying(turn.text, at_s + turn.speech_start_s, at_s + turn.speech_end_s))
        parts += [AudioChunk(turn.audio, BENCH_RATE), ANSWER_S]
        at_s += len(turn.audio) / BENCH_RATE + ANSWER_S
    async with _held(settings, parts, at_s) as call:
        pass
    rows = [
        _answer(call, saying, before, following)
        for saying, before, following in zip(
            sayings, [None, *sayings[:-1]], [*sayings[1:], None], strict=True
        )
    ]
    turns = [turn for turn in call.report["turns"] if turn["turn"] >= 1]
    for row, found in zip(rows, _assigned(turns, sayings), strict=True):
        answered = next((turn for turn in reversed(found) if turn["voice_to_voice_ms"] is not None), None)
        if answered is not None:
            row["server"], row["heard"] = answered["voice_to_voice_ms"], answered["heard_voice_to_voice_ms"]
            row.update({f"hop {name}": ms for name, ms in answered["hops_ms"].items()})
        row["turns"] = len(found)
    for row in rows:
        heard, server = row["heard"], row["server"]
        row["heard - server"] = None if heard is None or server is None else heard - server
        row["heard - recorded"] = (
            None if heard is None or row["recorded"] is None else heard - row["recorded"]
        )
    names = ["server", "heard", "recorded", "heard - server", "heard - recorded"]
    names += sorted({name for row in rows for name in row if name.startswith("hop ")})
    cut_off = sum(row["turns"] > 1 or row["early"] for row in rows)
    return {
        "summary": [_spread(name, [row.get(name) for row in rows]) for name in names],
        "rows": [{name: value for name, value in row.items() if not name.startswith("hop ")} for row in rows],
        "notes": {
            "questions": len(rows),
            "cut off": cut_off,
            "unanswered": sum(row["server"] is None for row in rows),
            "output latency, ms": call.output_latency_ms,
            "jitter buffer, ms a sample": call.jitter_buffer_ms,
        },
        "report": call.report,
    }


def _questions(settings: argparse.Namespace) -> list[Scenario]:
    chosen = [
        scenario
        for scenario in _corpus(settings)
        if scenario.barge is None
        and scenario.noise is None
        and not scenario.turn.has_long_pause
        and SHORTEST_S <= scenario.turn.speech_end_s - scenario.turn.speech_start_s <= LONGEST_S
    ]
    return _cycled(chosen, settings.turns)


def _answer(call: Call, saying: Saying, before: Saying | None, following: Saying | None) -> dict[str, Any]:
    heard = call.heard
    end_ms = heard.mic_ms(saying.end_s)
    limit_ms = heard.mic_ms(following.start_s) if following else end_ms + ANSWER_S * 1000
    onset = onset_ms(heard, heard.mic_ms(saying.start_s), limit_ms)
    return {
        "question": saying.text[:40],
        "server": None,
        "heard": None,
        "recorded": None if onset is None or onset < end_ms else onset - end_ms,
        "early": onset is not None and onset < end_ms,
    }


def _assigned(turns: Sequence[dict[str, Any]], sayings: Sequence[Saying]) -> list[list[dict[str, Any]]]:
    """Which turns of the server's report are of which question.

    The report's clock is another than the recordings': its offset is the one that explains most of them.
    """
    ended = [turn["timeline_ms"].get("speech_ended") for turn in turns]
    offsets = [
        said_ms - saying.end_s * 1000 for said_ms in ended if said_ms is not None for saying in sayings
    ]

    def explained(offset: float) -> int:
        return sum(
            any(abs(said_ms - saying.end_s * 1000 - offset) < 400 for saying in sayings)
            for said_ms in ended
            if said_ms is not None
        )

    offset = max(offsets, key=explained, default=0.0)
    starts = [saying.start_s * 1000 + offset for saying in sayings]
    found: list[list[dict[str, Any]]] = [[] for _ in sayings]
    for turn, said_ms in zip(turns, ended, strict=True):
        if said_ms is not None and said_ms >= starts[0]:
            found[int(np.searchsorted(starts, said_ms)) - 1].append(turn)
    return found


# --- interruptions ----------------------------------------------------------------------------------------------------


async def _interruptions(settings: argparse.Namespace) -> dict[str, Any]:
    chosen = [one for one in _corpus(settings) if one.barge is not None and one.barge.kind == "interruption"]
    rng = np.random.default_rng(settings.seed)
    sayings: list[Saying] = []
    parts: list[AudioChunk | float] = [LEAD_S]
    at_s = LEAD_S
    for scenario in _cycled(chosen, settings.turns):
        turn, barge = scenario.turn, scenario.barge
        assert barge is not None
        wait_s = round(float(rng.uniform(*INTO_ANSWER_S)), 3)
        parts += [AudioChunk(turn.audio, BENCH_RATE), wait_s, AudioChunk(barge.audio, BENCH_RATE), ANSWER_S]
        at_s += len(turn.audio) / BENCH_RATE + wait_s
        sayings.append(Saying(barge.text, at_s + barge.speech_start_s, at_s + barge.speech_end_s))
        at_s += len(barge.audio) / BENCH_RATE + ANSWER_S
    async with _held(settings, parts, at_s) as call:
        pass
    rows = [interruption(call.heard, saying, call.told_ms) for saying in sayings]
    names = [name for name in rows[0] if name not in ("interruption", "stopped")]
    return {
        "summary": [_spread(name, [row[name] for row in rows]) for name in names],
        "rows": rows,
        "notes": {
            "interruptions": len(rows),
            "while nothing was heard": sum(row["stopped"] is None for row in rows),
            "missed": sum(row["stopped"] is False for row in rows),
            "answers interrupted, by the server": call.report["call"]["interruptions"],
            "false interruptions, by the server": call.report["call"]["false_interruptions"],
            "output latency, ms (not in the figures)": call.output_latency_ms,
        },
        "report": call.report,
    }


# --- both -------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _held(
    settings: argparse.Namespace, parts: Sequence[AudioChunk | float], length_s: float
) -> AsyncIterator[Call]:
    """Hold one call in which the microphone plays this."""
    environ = {**over(settings.transport), "VOICEBOT_CALLS": "1"}
    if settings.jitter_buffer is not None:
        environ["VOICEBOT_TRANSPORT__JITTER_BUFFER_TARGET_MS"] = str(settings.jitter_buffer)
    with tempfile.TemporaryDirectory() as folder:
        file = microphone_file(Path(folder) / "speech.wav", *parts)
        async with serving(settings.profile, environ) as server:
            async with chromium(file) as browser:
                await browser.context.add_init_script(_WATCH)
                page = await CallPage.open(browser, server.url)
                await page.talk()
                over_s = "s => __harness.microphone.some(r => r.samples > s * r.rate)"
                await page.wait_until(over_s, length_s, timeout_s=length_s + 60)
                counted = (await stats(page.page)).inbound
                told_ms, clocks, latency_s = await page.page.evaluate(
                    "() => [__watched.messages, __watched.clocks,"
                    " Math.max(0, ...__watched.contexts.map(c => c.outputLatency || c.baseLatency))]"
                )
                [received], [said] = (
                    await recordings(page.page),
                    await recordings(page.page, "microphone"),
                )
                volumes = await page.volumes()
                await page.press()
                await page.state("ended")
            [report] = await server.reports()
        heard = place(received, said, volumes, clocks, file)
    emitted = counted.get("jitterBufferEmittedCount")
    buffered_ms = 1000 * counted["jitterBufferDelay"] / emitted if emitted else None
    yield Call(heard, list(told_ms), latency_s * 1000, buffered_ms, report)


def _corpus(settings: argparse.Namespace) -> list[Scenario]:
    folder = Path(platformdirs.user_cache_dir("voicebot", appauthor=False)) / "bench"
    return build_scenarios(seed=settings.seed, models=ModelStore(), cache_dir=folder)


def _cycled(scenarios: Sequence[Scenario], count: int) -> list[Scenario]:
    return [scenarios[index % len(scenarios)] for index in range(count)]


def _spread(name: str, values: Sequence[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    row: dict[str, Any] = {"": name, "n": len(known)}
    for label, percent in (("median", 50), ("p90", 90), ("least", 0), ("most", 100)):
        row[label] = float(np.percentile(known, percent)) if known else None
    return row


if __name__ == "__main__":
    main()
