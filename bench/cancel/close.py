"""From `cancel` until the server sees the connection closed, client by client: `python bench/cancel/close.py`."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

import voicebot
from voicebot.interfaces import LLM, STT, TTS, ChatMessage, Provider, TextDelta
from voicebot.testing import context
from voicebot.wav import read_wav
from voicebot_llm_groq import GroqConfig, GroqLLM
from voicebot_llm_openai import OpenAIConfig, OpenAILLM
from voicebot_stt_openai import OpenAISTT, OpenAISTTConfig
from voicebot_tts_opentts import OpenTTS, OpenTTSConfig

SERVE = Path(__file__).with_name("serve.py")
KEY = "gsk_fake"
QUESTION = Path(voicebot.__file__).parent / "samples" / "question.wav"
PIECES = 5
"""Of an answer, before it is cancelled."""
PATIENCE_S = 20


class Server:
    """A fake in a process of its own, and what it tells."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def told(self, what: str) -> Any:
        """The next line; it must be about that."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = await self._process.stdout.readline()
        said = json.loads(line or "{}")
        if what not in said:
            raise click.ClickException(f"the fake told of {said or 'nothing'}, and not of {what}")
        return said[what]


@asynccontextmanager
async def serving(name: str) -> AsyncIterator[tuple[Server, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, SERVE, name, stdin=subprocess.DEVNULL, stdout=PIPE
    )
    try:
        server = Server(process)
        yield server, await server.told("url")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


Begun = Callable[[], Awaitable[None]]
"""Returns once there is something to cancel."""


async def answering(llm: LLM, server: Server) -> tuple[asyncio.Task[None], Begun]:
    enough = asyncio.Event()

    async def listen() -> None:
        pieces = 0
        async with aclosing(llm.generate([ChatMessage("user", "Tell me everything.")])) as stream:
            async for event in stream:
                pieces += isinstance(event, TextDelta)
                if pieces == PIECES:
                    enough.set()

    async def begun() -> None:
        await enough.wait()

    return asyncio.create_task(listen()), begun


async def speaking(tts: TTS, server: Server) -> tuple[asyncio.Task[None], Begun]:
    async def listen() -> None:
        async with aclosing(tts.synthesize("This sentence will never be spoken.")) as stream:
            async for _ in stream:
                pass

    async def begun() -> None:
        await server.told("begun")

    return asyncio.create_task(listen()), begun


async def transcribing(stt: STT, server: Server) -> tuple[asyncio.Task[None], Begun]:
    async def listen() -> None:
        utterance = stt.start(lambda interim: None)
        try:
            utterance.push(read_wav(QUESTION))
            await utterance.finalize()
        finally:
            await utterance.aclose()

    async def begun() -> None:
        await server.told("begun")

    return asyncio.create_task(listen()), begun


@dataclass(frozen=True)
class Client:
    server: str
    """As `serve.py` names it."""
    amid: str
    """What is cancelled."""
    make: Callable[[str], Provider]
    start: Callable[[Any, Server], Awaitable[tuple[asyncio.Task[None], Begun]]]


def _groq(url: str) -> Provider:
    return GroqLLM(GroqConfig.model_validate({"base_url": url, "api_key": KEY}), context())


def _openai(url: str) -> Provider:
    values = {"base_url": f"{url}/openai/v1", "api_key": KEY, "model": "openai/gpt-oss-120b"}
    return OpenAILLM(OpenAIConfig.model_validate(values), context())


def _opentts(url: str) -> Provider:
    return OpenTTS(OpenTTSConfig.model_validate({"base_url": url}), context())


def _stt_openai(url: str) -> Provider:
    values = {"base_url": f"{url}/v1", "model": "whisper-large-v3-turbo"}
    return OpenAISTT(OpenAISTTConfig.model_validate(values), context(language="en"))


CLIENTS = {
    "llm: groq": Client("llm", f"streaming, after {PIECES} pieces of text", _groq, answering),
    "llm: openai": Client("llm", f"streaming, after {PIECES} pieces of text", _openai, answering),
    "tts: opentts": Client("tts", "the server speaks a sentence", _opentts, speaking),
    "stt: openai": Client("stt", "the server transcribes", _stt_openai, transcribing),
}


async def measure(client: Client, repeats: int) -> list[dict[str, float]]:
    """Times in ms, from `cancel`: until the server saw the close, and until the client was done with it."""
    figures = []
    async with serving(client.server) as (server, url):
        provider = client.make(url)
        try:
            await provider.warmup()
            for _ in range(repeats):
                task, begun = await client.start(provider, server)
                async with asyncio.timeout(PATIENCE_S):
                    await begun()
                cancelled = (
                    time.monotonic()
                )  # the loops' own clock, and one for all processes of this machine
                task.cancel()
                await asyncio.wait([task])
                done = time.monotonic()
                if not task.cancelled():
                    task.result()
                    raise click.ClickException("what should have been cancelled had ended")
                closed = await server.told("closed")
                figures.append(
                    {"closed_ms": (closed - cancelled) * 1000, "done_ms": (done - cancelled) * 1000}
                )
        finally:
            await provider.aclose()
    return figures


def table(figures: dict[str, list[dict[str, float]]]) -> str:
    lines = [f"{'':<14} {'server sees the close':>27}   {'client is done':>14}  cancelled while",
             f"{'':<14} {'median':>9}{'p90':>9}{'max':>9}   {'median ms':>14}"]  # fmt: skip
    for name, taken in figures.items():
        closed = [figure["closed_ms"] for figure in taken]
        middle, high = np.percentile(closed, [50, 90])
        done = float(np.median([figure["done_ms"] for figure in taken]))
        lines.append(
            f"{name:<14} {middle:>9.2f}{high:>9.2f}{max(closed):>9.2f}   {done:>14.2f}  {CLIENTS[name].amid}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--repeats", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write every figure.",
)
def main(repeats: int, json_file: Path | None) -> None:
    """How long from `cancel` until the server sees the connection closed."""
    load = os.getloadavg()[0]
    figures = {name: asyncio.run(measure(client, repeats)) for name, client in CLIENTS.items()}
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"
    )
    click.echo(f"Times in ms from `cancel`, {repeats} times each, servers (fakes) in a process of their own on this "
               f"machine; {machine}.\n\n{table(figures)}")  # fmt: skip
    if json_file is not None:
        json_file.write_text(json.dumps({"machine": machine, "figures": figures}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
