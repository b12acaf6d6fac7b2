"""Holding the scenarios' calls: one session each, in real time, with engines that stay warm."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from voicebot.audio import AudioChunk
from voicebot.bench.connection import BenchConnection, BenchTransport
from voicebot.bench.scenario import BENCH_RATE, Scenario
from voicebot.bench.scoring import CallRecord, TurnResult, heard_audio, judge
from voicebot.clock import now
from voicebot.engines import Engine, Engines, blame, within
from voicebot.errors import EngineError
from voicebot.interfaces import STT, Transport
from voicebot.session import Session
from voicebot.settings import SessionSettings

__all__ = ["Contestant", "hold_scenario", "hold_scenarios"]


@dataclass(slots=True)
class Contestant:
    """A profile under test. What it did is in `results`, one for each scenario so far."""

    name: str
    settings: SessionSettings
    engines: Engines
    results: list[TurnResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The user speaks first: a greeting would be talked over.
        agent = self.settings.agent.model_copy(update={"greeting": ""})
        self.settings = self.settings.model_copy(update={"agent": agent})


async def hold_scenarios(
    contestants: Sequence[Contestant],
    scenarios: Sequence[Scenario],
    *,
    ear: Engine[STT] | None = None,
    on_result: Callable[[Contestant, TurnResult, CallRecord], None] = lambda contestant, result, record: None,
) -> None:
    """Hold every scenario with every contestant, one call at a time; the engines are closed at the end.

    With several, each scenario is held by all of them before the next one, and they take turns at going first, so that
    whatever else the machine does comes upon all alike.

    Args:
        ear: transcribes what the agents were heard to say, after each call; None: the profiles' own recognisers do.

    Raises:
        EngineError: an engine did not warm up.
    """
    try:
        for contestant in contestants:
            await contestant.engines.warmup(contestant.settings.deadlines.warmup_s)
        if ear is not None:
            with blame(ear):
                await ear.provider.warmup()
        for number, scenario in enumerate(scenarios):
            order = contestants if number % 2 == 0 else tuple(reversed(contestants))
            for contestant in order:
                record = await hold_scenario(contestant, scenario, ear)
                result = judge(record)
                contestant.results.append(result)
                on_result(contestant, result, record)
    finally:
        for contestant in contestants:
            await contestant.engines.aclose()
        if ear is not None:
            await ear.provider.aclose()


async def hold_scenario(
    contestant: Contestant, scenario: Scenario, ear: Engine[STT] | None = None
) -> CallRecord:
    """Hold the call of one scenario; an engine that ends it is in the record's `error`."""
    connection = BenchConnection(scenario)
    transport: Engine[Transport] = Engine("transport", "bench", "voicebot-kit", BenchTransport(connection))
    session = Session(
        scenario.name,
        settings=contestant.settings,
        engines=contestant.engines,
        transport=transport,
        connection=connection,
        keep_engines=True,
    )
    error = ""
    begun_s, cpu_s = now(), time.process_time()
    try:
        await session.run()
    except EngineError as failure:
        error = f"{failure.kind} {failure.plugin}: {failure.message}"
    record = CallRecord(
        caller=connection.caller,
        start_s=connection.start_s,
        length=connection.length,
        events=connection.events,
        aftermath=connection.aftermath,
        ending=connection.ending,
        error=error,
        cpu_s=time.process_time() - cpu_s,
        duration_s=now() - begun_s,
    )
    heard = heard_audio(record)
    if heard is not None and len(heard):
        record.heard_transcript = await _transcribe(
            ear or contestant.engines.stt,
            AudioChunk(heard, BENCH_RATE),
            contestant.settings.deadlines.stt_final_s,
        )
    return record


async def _transcribe(stt: Engine[STT], audio: AudioChunk, limit_s: float) -> str | None:
    """What a recogniser makes of a recording, once nothing else is going on."""
    texts = []
    step = int(stt.provider.max_utterance_s * audio.sample_rate)
    try:
        for start in range(0, len(audio.samples), step):
            utterance = stt.provider.start(lambda interim: None)
            try:
                utterance.push(AudioChunk(audio.samples[start : start + step], audio.sample_rate))
                final = await within(stt, utterance.finalize(), limit_s, "final transcript")
                texts.append(final.text)
            finally:
                await utterance.aclose()
    except EngineError:
        # The call itself was held: this check of it is missing, and counted as such.
        return None
    return " ".join(texts)
