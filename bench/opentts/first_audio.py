"""First audio through OpenTTS, whole sentences against a short first clause: `python -m bench.opentts.first_audio`."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from voicebot.audio import AudioChunk, first_audible
from voicebot.settings import SpeechSettings
from voicebot.speech.clauses import ClauseSplitter
from voicebot.testing import context
from voicebot_tts_opentts import OpenTTS, OpenTTSConfig

TEXTS = (
    "Yes, of course.",
    "We open at nine in the morning, and we close at half past five in the afternoon.",
    "Your table is booked for Thursday at seven, so please let us know if anything changes before then.",
    "The parcel left our warehouse yesterday evening, and the courier expects to deliver it tomorrow before noon, "
    "although the weather in the north may still hold it up for a day.",
    "I can help you with that. First I need the number of your order, which is on the second page of the letter.",
    "Let me see: the next train to the airport leaves from platform four in twelve minutes and takes half an hour.",
)
WHOLE, CLAUSES = "whole sentence", "short first clause"


def cut(text: str, way: str) -> list[str]:
    """The clauses as the session hands them to the voice; "whole" gives it whole sentences."""
    speech = SpeechSettings()
    first = speech.max_clause_chars if way == WHOLE else speech.first_clause_chars
    splitter = ClauseSplitter(first, speech.max_clause_chars)
    return splitter.push(text) + splitter.flush()


async def first_audio_ms(tts: OpenTTS, text: str, way: str) -> float:
    """From the text to the first audible sample, the silence before it included."""
    began = time.perf_counter()
    async with aclosing(tts.synthesize(cut(text, way)[0])) as stream:
        async for event in stream:
            assert isinstance(event, AudioChunk)
            if (audible := first_audible(event.samples)) is not None:
                return (time.perf_counter() - began + audible / event.sample_rate) * 1000
    raise click.ClickException(f"nothing audible came of {text!r}")


async def measure(url: str, voice: str, repeats: int) -> list[dict[str, Any]]:
    tts = OpenTTS(OpenTTSConfig(base_url=url, voice=voice), context())
    figures: list[dict[str, Any]] = []
    try:
        await tts.warmup()
        for repeat in range(repeats):
            for index, text in enumerate(TEXTS):
                for way in (WHOLE, CLAUSES):
                    taken = await first_audio_ms(tts, text, way)
                    chars = len(cut(text, way)[0])
                    figures.append({"text": index, "way": way, "repeat": repeat, "chars": chars, "ms": taken})
    finally:
        await tts.aclose()
    return figures


@contextmanager
def fake(delay_ms: float, char_ms: float) -> Iterator[str]:
    """A fake OpenTTS in a process of its own, so that its work is not on our loop."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.opentts.serve", str(delay_ms / 1000), str(char_ms / 1000)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise click.ClickException("the fake did not start")
            yield url
        finally:
            process.terminate()


def table(figures: list[dict[str, Any]]) -> str:
    lines = [f"{'text':>4}  {'way':<18} {'characters':>10} {'median ms':>10} {'p10':>7} {'p90':>7}"]

    def row(name: str, way: str, chosen: list[dict[str, Any]]) -> str:
        low, middle, high = np.percentile([figure["ms"] for figure in chosen], [10, 50, 90])
        chars = float(np.median([figure["chars"] for figure in chosen]))
        return f"{name:>4}  {way:<18} {chars:>10g} {middle:>10.0f} {low:>7.0f} {high:>7.0f}"

    numbers = [*range(len(TEXTS)), None]
    for number in numbers:
        for way in (WHOLE, CLAUSES):
            chosen = [f for f in figures if f["way"] == way and number in (f["text"], None)]
            lines.append(row("all" if number is None else str(number + 1), way, chosen))
    return "\n".join(lines)


@click.command()
@click.option("--url", default="", help="A running OpenTTS; without it, a fake.")
@click.option("--voice", default="coqui-tts:en_ljspeech", show_default=True)
@click.option("--repeats", default=7, show_default=True, type=click.IntRange(1, 1000))
@click.option(
    "--delay-ms", default=60.0, show_default=True, type=click.FloatRange(0, 10_000), help="The fake's."
)
@click.option("--char-ms", default=8.0, show_default=True, type=click.FloatRange(0, 1000), help="The fake's.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False))
def main(url: str, voice: str, repeats: int, delay_ms: float, char_ms: float, json_file: Path | None) -> None:
    """First audio through OpenTTS, whole sentences against a short first clause."""
    load = os.getloadavg()[0]
    if url:
        server = f"OpenTTS at {url}"
        figures = asyncio.run(measure(url, voice, repeats))
    else:
        speed = f"{delay_ms:g} ms and {char_ms:g} ms per character"
        server = f"a FAKE OpenTTS (eSpeak after {speed}, to imitate a neural voice)"
        with fake(delay_ms, char_ms) as address:
            figures = asyncio.run(measure(address, voice, repeats))
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"
    )
    click.echo(
        f"The server is {server}.\nVoice {voice}, {repeats} times each; {machine}.\n\n{table(figures)}"
    )
    if json_file is not None:
        data = {"server": server, "voice": voice, "machine": machine, "texts": TEXTS, "figures": figures}
        json_file.write_text(json.dumps(data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
