"""Holding a recorded call again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from voicebot.audio import AudioChunk
from voicebot.call import as_one, build_provider, build_tools, for_session
from voicebot.clock import now
from voicebot.engines import Engine
from voicebot.errors import EngineError
from voicebot.headroom import watch_idle
from voicebot.interfaces import Kind, ModelPaths, Transport
from voicebot.profile import ResolvedProfile
from voicebot.replaying.hearing_players import STTPlayer, TurnPlayer, VADPlayer
from voicebot.replaying.line_player import ConnectionPlayer, ToolsPlayer, TransportPlayer
from voicebot.replaying.loop import ReplayLoop
from voicebot.replaying.player import Player
from voicebot.replaying.recording import Recording
from voicebot.replaying.shelf import Course
from voicebot.replaying.speaking_players import LLMPlayer, TTSPlayer
from voicebot.replaying.telling import on_clock_of
from voicebot.session import Session
from voicebot.settings import SessionSettings
from voicebot.tools import ToolRunner
from voicebot.watchdog import run

__all__ = ["REPLACEABLE", "Replayed", "StandIns", "replay_for_real", "replay_recorded"]

PLAYERS: dict[Kind, type[Player]] = {
    "vad": VADPlayer,
    "stt": STTPlayer,
    "turn": TurnPlayer,
    "llm": LLMPlayer,
    "tts": TTSPlayer,
}
REPLACEABLE: tuple[Kind, ...] = tuple(PLAYERS)


@dataclass(frozen=True, slots=True)
class StandIns:
    """What stands in for recorded engines.

    Args:
        kinds: which.
        settings: the core's settings are the profile's too.
    """

    profile: ResolvedProfile
    models: ModelPaths
    kinds: Collection[Kind] = REPLACEABLE
    settings: bool = True


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did.

    Attributes:
        log: the call's events; times count from when the microphone was opened.
        missing: what was asked of the recording, and not in it.
        heard: what the listener would have heard, from when the microphone was opened.
        report: the call's.
    """

    log: list[dict[str, Any]]
    missing: list[str]
    heard: AudioChunk
    report: dict[str, Any]


def replay_recorded(recording: Recording, settings: SessionSettings | None = None) -> Replayed:
    """Hold the call again with the recorded engines, on a virtual clock: the same recording, the same log, always.

    Args:
        settings: instead of the recorded ones.
    """
    with asyncio.Runner(loop_factory=lambda: ReplayLoop(recording.cpu_s)) as runner:
        return runner.run(_replay(recording, settings or recording.about.settings, None))


def replay_for_real(recording: Recording, stand_ins: StandIns, *, fast: bool) -> Replayed:
    """Hold the call again with engines of this machine, some or all.

    Args:
        fast: skip the waiting; else it takes as long as the call did.

    Raises:
        VoicebotError: an engine cannot be built, or did not warm up.
    """
    deadline_s = stand_ins.profile.profile.deadlines.warmup_s
    settings = stand_ins.profile.profile if stand_ins.settings else recording.about.settings
    return run(_replay(recording, settings, stand_ins), virtual_clock=fast, blocked_after_s=deadline_s + 5)


async def _replay(recording: Recording, settings: SessionSettings, stand_ins: StandIns | None) -> Replayed:
    about, course = recording.about, Course(recording)
    replaced: Collection[Kind] = () if stand_ins is None else stand_ins.kinds

    def build(kind: Kind) -> Engine[Any]:
        if stand_ins is not None and kind in replaced:
            return build_provider(kind, stand_ins.profile, stand_ins.models)
        engines = [
            Engine(kind, facts.plugin, facts.distribution, PLAYERS[kind](recording, link, course))
            for link, facts in enumerate(about.engines[kind])
        ]
        return as_one(kind, engines, settings, jitter=lambda: 0.5)

    engines = for_session(build, settings)
    tools: ToolRunner = ToolsPlayer(recording, settings.tool_calls, course)
    if stand_ins is not None and "llm" in replaced:
        tools = build_tools(stand_ins.profile, None)
    as_it_was = stand_ins is None and settings is about.settings
    connection = ConnectionPlayer(recording, course, patient=not as_it_was)
    transport: Engine[Transport] = Engine(
        "transport", "recording", "voicebot-kit", TransportPlayer(connection)
    )
    session = Session(
        about.call_id,
        settings=settings,
        engines=engines,
        transport=transport,
        connection=connection,
        tools=tools,
        max_call_s=about.max_call_s,
        watch_idle=watch_idle if stand_ins is not None else _as_idle_as_then(recording),
    )
    try:
        await session.run()
    except EngineError:
        # Without this engine there is no call: where it is a recorded one the log says so, as that of the call does.
        if stand_ins is not None:
            raise
    return Replayed(
        [on_clock_of(event, course.opened_s) for event in connection.events],
        course.missing,
        connection.heard(),
        session.report.as_dict(),
    )


def _as_idle_as_then(
    recording: Recording,
) -> Callable[[Callable[[float], None]], Coroutine[Any, Any, None]]:
    async def watch(report: Callable[[float], None]) -> None:
        origin_s = now() - recording.opened_s
        # The first says how much CPU had been used when the call began; the session saw the others.
        for line in recording.idle[1:]:
            await asyncio.sleep(max(0.0, origin_s + line.t - now()))
            report(line.share)

    return watch
