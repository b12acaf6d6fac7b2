"""`python -m voicebot.testing.fakes`: the fakes on this machine, for a person to try a profile on, or to break."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from voicebot.cli.calm import calm_engine_libraries
from voicebot.errors import VoicebotError
from voicebot.testing.fakes.http import FakeServer

__all__ = ["main"]


@dataclass(frozen=True, slots=True)
class _Fake:
    module: str
    title: str
    port: int
    lines: tuple[str, ...]
    """What makes a profile use it: configs/prod.yaml, where it says `export`. `{url}` is the server's address."""


FAKES = {
    "groq": _Fake(
        "groq",
        "Groq",
        8101,
        ("export GROQ_API_KEY=gsk_fake", "export GROQ_BASE_URL={url}/openai/v1"),
    ),
    "opentts": _Fake("opentts", "OpenTTS", 8102, ("export OPENTTS_URL={url}",)),
    "transcription": _Fake(
        "transcription",
        "transcriptions",
        8103,
        ("# in a profile: stt: {{use: openai, base_url: {url}/v1, model: whisper-large-v3-turbo}}",),
    ),
}


EARS = "fasterwhisper"
"""What the fake of a transcription service hears with, where it is installed and its model is here."""


async def _ears(stack: contextlib.AsyncExitStack) -> tuple[dict[str, Any], str]:
    """What `transcription.app` is called with, and what to say of it."""
    from voicebot.testing.fakes.transcription import load_engine

    try:
        engine = await load_engine(EARS)
    except VoicebotError as error:
        why = "\n".join(f"#   {line.strip()}" for line in str(error).splitlines())
        return {}, f"# It does not listen: all it hears is one fixed sentence, as {EARS} is not ready:\n{why}"
    stack.push_async_callback(engine.aclose)
    return {"engine": engine}, f"# It really transcribes, with {EARS}."


async def serve(names: Sequence[str], host: str, ports: dict[str, int]) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        urls = []
        for name in names:
            fake = FAKES[name]
            options, note = await _ears(stack) if name == "transcription" else ({}, "")
            handler = importlib.import_module(f"voicebot.testing.fakes.{fake.module}").app(**options)
            server = FakeServer(handler, host=host, port=ports[name])
            try:
                await stack.enter_async_context(server)
            except OSError as error:
                raise click.ClickException(
                    f"{fake.title} cannot listen on {host}:{ports[name]}: {error.strerror}. Give it another port: "
                    f"--ports {name}=9101"
                ) from None
            urls.append(server.url)
            click.echo(f"# {fake.title} (a fake) on {server.url}")
            for line in (*filter(None, [note]), *fake.lines):
                click.echo(line.format(url=server.url))
        click.echo("# To break one: curl -d '{\"kind\": \"status\", \"status\": 429, \"retry_after\": \"2\"}' "
                   f"{urls[0]}/__faults")  # fmt: skip
        sys.stdout.flush()
        await stop.wait()


def _read_ports(text: str) -> dict[str, int]:
    ports = {name: fake.port for name, fake in FAKES.items()}
    for part in filter(None, text.split(",")):
        name, _, port = part.partition("=")
        if name not in FAKES or not port.isdecimal() or int(port) > 65_535:
            raise click.BadParameter(f"{part!r} is not as in groq=8101 (one of {', '.join(FAKES)})")
        ports[name] = int(port)
    return ports


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(FAKES)))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--ports",
    default="",
    metavar="NAME=PORT,…",
    help="Other ports, as groq=9101,opentts=0 (0: any free one).",
)
def main(names: tuple[str, ...], host: str, ports: str) -> None:
    """Serve fakes of what cannot run everywhere, until interrupted: NAMES, or all of them."""
    calm_engine_libraries()
    asyncio.run(serve(names or tuple(FAKES), host, _read_ports(ports)))


if __name__ == "__main__":
    main(prog_name="python -m voicebot.testing.fakes")
