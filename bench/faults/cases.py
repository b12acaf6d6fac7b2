"""What can be wrong, and when it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bench.faults.stages import KEY, Stage
from tests.support.certificate import self_signed

from voicebot.testing.fakes.faults import Fault
from voicebot.testing.fakes.http import FakeServer

__all__ = ["CASES", "Broken", "Case", "broken"]

_ALWAYS = 1_000_000
_ALL = frozenset({"stt", "llm", "tts"})

Way = Literal["request", "gone", "no port", "no name", "no trust", "bad key", "unknown"]


@dataclass(frozen=True)
class Case:
    """A fault.

    Attributes:
        way: `request`: requests are answered with `fault` as soon as the call has begun. `gone`: then the server goes.
            The others hold from the beginning, and are the profile's.
        kinds: those that it can concern.
    """

    name: str
    way: Way = "request"
    fault: Fault | None = None
    kinds: frozenset[str] = _ALL

    @property
    def from_start(self) -> bool:
        return self.way not in ("request", "gone")


def _fault(name: str, fault: Fault, kinds: frozenset[str] = _ALL) -> Case:
    return Case(name, "request", fault if fault.times > 1 else replace(fault, times=_ALWAYS), kinds)


_STT, _LLM, _TTS = (frozenset({kind}) for kind in ("stt", "llm", "tts"))

CASES = (
    Case("refused from the start", "no port"),
    Case("refused in the call", "gone"),
    Case("DNS failure", "no name"),
    Case("TLS failure", "no trust"),
    Case("401 from the start", "bad key", kinds=_STT | _LLM),
    _fault("401", Fault("status", status=401, words=f"Invalid API Key {KEY}")),
    Case("model or voice unknown", "unknown"),
    _fault("404 model", Fault("status", status=404)),
    _fault("429", Fault("status", status=429)),
    Case("429, retry-after 1 s, once", "request", Fault("status", status=429, retry_after="1")),
    _fault("429, retry-after 30 s", Fault("status", status=429, retry_after="30")),
    Case("500 once", "request", Fault("status", status=500)),
    _fault("500", Fault("status", status=500)),
    _fault("stall before the first byte", Fault("stall_before")),
    _fault("stall midway", Fault("stall_midway")),
    _fault("truncated SSE", Fault("truncate"), _LLM),
    _fault("truncated body", Fault("truncate"), _STT | _TTS),
    _fault("invalid JSON", Fault("invalid_json"), _STT | _LLM),
    _fault("closed mid-chunk", Fault("close_midway")),
    _fault("connection reset", Fault("reset")),
    _fault("slow drip", Fault("drip", seconds=0.02)),
    _fault("10 MB reply", Fault("huge")),
    _fault("empty reply", Fault("empty")),
    _fault("HTML page", Fault("html")),
    _fault("WAV header claims more", Fault("wav_lying"), _TTS),
    _fault("WAV header claims less", Fault("wav_lying", seconds=-1), _TTS),
    _fault("WAV of 0 samples", Fault("wav_empty"), _TTS),
)


@dataclass
class Broken:
    """A server with a fault, and the section of the engine that uses it."""

    section: dict[str, Any]
    url: str
    begin: Callable[[], None]
    """The call has begun: the fault may too."""


@asynccontextmanager
async def broken(case: Case, stage: Stage, folder: Path) -> AsyncIterator[Broken]:
    """Serve the stage for one call."""
    context = self_signed(folder)[0] if case.way == "no trust" else None
    server = FakeServer(stage.serve(), ssl_context=context)
    async with server:
        url = server.url
        if case.way == "no port":
            async with FakeServer(stage.serve()) as closed:
                url = closed.url
        elif case.way == "no name":
            url = "http://nobody.invalid"
        section = stage.engine(url)
        if case.way == "unknown":
            section |= stage.unknown
        elif case.way == "bad key":
            server.faults.append(Fault("status", times=_ALWAYS, status=401, words=f"Invalid API Key {KEY}"))

        def begin() -> None:
            if case.way == "gone":
                server.go()
            elif case.fault is not None:
                server.faults.append(replace(case.fault, path=stage.path))

        yield Broken(section, url, begin)
