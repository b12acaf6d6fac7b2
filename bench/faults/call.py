"""One call with one fault: the real session, in real time, a recording for the user."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from bench.faults.cases import Broken, Case, broken
from bench.faults.holding import Holding, more_than
from bench.faults.listening import Listener
from bench.faults.stages import KEY, KEY_VARIABLE, SOUND, Stage

from voicebot.audio import AudioChunk
from voicebot.call import build_provider
from voicebot.engines import Engine, Engines
from voicebot.errors import VoicebotError
from voicebot.events import Event, StateChanged
from voicebot.fallback import apology_text
from voicebot.interfaces import Kind
from voicebot.models import ModelStore
from voicebot.profile import ResolvedProfile, load_profile, resolve
from voicebot.session import Session
from voicebot.wav import read_wav

__all__ = ["HUNG_S", "Call", "Sound", "hold", "sound"]

HUNG_S = 45.0
"""A call that takes longer hangs: the longest deadlines of the defaults are 15 s."""
_TAIL_MS = 300


@dataclass
class Call:
    """What came of a call; no audio where none was held."""

    audio: AudioChunk | None = None
    refused: str = ""
    """Why no call was held."""
    told: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sound:
    """The engines that nothing is wrong with, warm, for all calls."""

    engines: dict[Kind, Engine[Any]]
    models: ModelStore
    question: Path
    folder: Path


@asynccontextmanager
async def sound(question: Path, folder: Path) -> AsyncIterator[Sound]:
    models = ModelStore()
    resolved = _resolved(folder, question, {})
    engines: dict[Kind, Engine[Any]] = {kind: build_provider(kind, resolved, models) for kind in SOUND}
    try:
        for engine in engines.values():
            await engine.provider.warmup()
        yield Sound(engines, models, question, folder)
    finally:
        for engine in engines.values():
            await engine.provider.aclose()


def _resolved(folder: Path, question: Path, changed: dict[str, Any]) -> ResolvedProfile:
    transport = {
        "use": "wav",
        "input": str(question),
        "output": str(folder / "heard.wav"),
        "tail_ms": _TAIL_MS,
        "max_wait_s": HUNG_S,
    }
    file = folder / "profile.yaml"
    sections: dict[str, Any] = {str(kind): section for kind, section in SOUND.items()}
    file.write_text(yaml.safe_dump(sections | {"transport": transport} | changed))
    environ = {key: value for key, value in os.environ.items() if not key.startswith("VOICEBOT_")}
    return resolve(load_profile(file, environ={**environ, KEY_VARIABLE: KEY}))


async def hold(case: Case, stage: Stage, chain: bool, sound: Sound) -> Call:
    """Hold a call; `chain`: the engine has one behind it that can stand in."""
    stub = sound.engines["llm"].provider.engines[0].provider
    own_port = int(stub.url.rpartition(":")[2])
    before = Holding.now(own_port)
    with Listener() as listener:
        call = await _hold(case, stage, chain, sound, listener)
        call.problems += [f"left over: {what}" for what in await more_than(before, own_port)]
    call.told = listener.told()
    call.problems += listener.problems(call.refused, json.dumps(call.report))
    return call


async def _hold(case: Case, stage: Stage, chain: bool, sound: Sound, listener: Listener) -> Call:
    call = Call()
    output = sound.folder / "heard.wav"
    output.unlink(missing_ok=True)
    async with broken(case, stage, sound.folder) as server:
        section = [server.section, stage.stand_in] if chain else server.section
        resolved = _resolved(sound.folder, sound.question, {stage.kind: section})
        engine = build_provider(stage.kind, resolved, sound.models)
        transport = build_provider("transport", resolved, sound.models)
        try:
            async with asyncio.timeout(2 * HUNG_S):
                await _run(call, engine, transport, resolved, sound, server, listener)
        except TimeoutError:
            call.problems.append("hang")
        except VoicebotError as error:
            call.refused = str(error)
        finally:
            await engine.provider.aclose()
            await transport.provider.aclose()
    if output.exists():
        call.audio = read_wav(output)
        if call.audio.duration_s > HUNG_S:
            call.problems.append("hang")
    return call


async def _run(
    call: Call,
    engine: Engine[Any],
    transport: Engine[Any],
    resolved: ResolvedProfile,
    sound: Sound,
    server: Broken,
    listener: Listener,
) -> None:
    parts = {**sound.engines, engine.kind: engine}
    engines = Engines(
        parts["vad"],
        parts["stt"],
        parts["turn"],
        parts["llm"],
        parts["tts"],
        apology_text=apology_text("en"),
    )
    begun = False

    def observe(event: Event) -> None:
        nonlocal begun
        listener.events.append(event)
        if not begun and isinstance(event, StateChanged) and event.state == "listening":
            begun = True
            server.begin()

    await transport.provider.warmup()
    async for connection in transport.provider.connections():
        session = Session(
            "faults",
            settings=resolved.profile,
            engines=engines,
            transport=transport,
            connection=connection,
            observe=observe,
            keep_engines=True,
        )
        try:
            await session.run()
        finally:
            call.report = session.report.as_dict()
