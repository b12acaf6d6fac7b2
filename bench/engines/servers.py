"""The servers that some engines ask: started once, shared by all calls, stopped at the end."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.opentts.first_audio import fake
from tests.support.llama_server import llama_server
from tests.support.whisper_server import whisper_server

from voicebot.models import ModelStore

__all__ = ["SERVERS", "Running", "Server", "serving"]

_LLM_THREADS = 2
"""As many as the profile gives the embedded model."""


@dataclass(frozen=True)
class Server:
    title: str
    """What it is, for the page."""
    start: Callable[[ModelStore], AbstractContextManager[str]]
    """Gives its address."""
    module: str = ""
    """What must be installed, and of which package."""
    package: str = ""

    def missing(self) -> str:
        """Why it cannot be had here, or ""."""
        if not self.module or importlib.util.find_spec(self.module) is not None:
            return ""
        return f"{self.package} is not installed"


SERVERS = {
    "whisper": Server(
        "[faster-whisper-server](https://pypi.org/project/faster-whisper-server/) with whisper-tiny.en-ct2",
        whisper_server,
        "faster_whisper_server",
        "faster-whisper-server",
    ),
    "llama": Server(
        "llama.cpp's own server (in [xllamacpp](https://pypi.org/project/xllamacpp/)) with smollm2-135m-instruct",
        lambda store: llama_server(store, "/openai", threads=_LLM_THREADS),
        "xllamacpp",
        "xllamacpp",
    ),
    "opentts": Server(
        "a fake OpenTTS of ours (`voicebot.testing.fakes`), whose every voice is eSpeak's, with no delay added",
        lambda store: fake(0, 0),
        "espeakng_loader",
        "espeakng-loader",
    ),
}


@dataclass(frozen=True)
class Running:
    addresses: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """Why those that are here did not start."""


@contextmanager
def serving(names: Iterable[str], store: ModelStore) -> Iterator[Running]:
    """Start these servers; one that does not start is said to have failed, and keeps no other from it."""
    running = Running()
    with ExitStack() as stack:
        for name in names:
            try:
                running.addresses[name] = stack.enter_context(SERVERS[name].start(store))
            except Exception as error:  # whatever a server of somebody else's raises
                running.failed[name] = f"its server did not start: {type(error).__name__}: {error}"
        yield running
