"""The bench's conversations, made of voices, recordings and noises by one seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from voicebot.audio import Samples
from voicebot.bench.corpus import cache
from voicebot.bench.corpus.clips import Clip, finished, joined
from voicebot.bench.corpus.noises import babble, background, coughing, street
from voicebot.bench.corpus.plan import BargePlan, Plan, Speech, make_plan
from voicebot.bench.corpus.recordings import PHRASES, PHRASES_WITH_PAUSES, Phrase, read
from voicebot.bench.corpus.voices import Voice, engine_versions, find_engines, speak
from voicebot.bench.scenario import BENCH_RATE, Barge, BenchTurn, Scenario
from voicebot.interfaces import ModelPaths

__all__ = ["build_scenarios"]

NOISE_S = 10.0
"""Length of a noise's loop."""
_BABBLERS = 6

Voiced = dict[tuple[Voice, str], Samples]


def build_scenarios(
    *,
    seed: int,
    size: int | None = None,
    models: ModelPaths,
    cache_dir: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Scenario]:
    """The calls of the bench. On one machine, the same seed and size give the same samples.

    They are kept in `cache_dir`; a file there that is not whole is made again.

    Args:
        seed: decides who says what, how loud, when, and over which noise.
        size: how many calls, from 9 (one of each kind) to 96 (all of them, the default), in even proportion.
        progress: called with how many utterances are done, and of how many; not at all where all was kept.

    Raises:
        VoicebotError: there is no set of that size, or `cache_dir` cannot be written.
        PluginError: Piper or eSpeak is not installed; the hint is the pip line.
        ModelMissing: Piper's voice or a recording is not on this machine; the hint is the command that fetches it.
        EngineError: a speech engine failed.
    """
    plans = make_plan(seed, size)
    paths = find_engines(models)
    file = cache.place(cache_dir, seed, len(plans), engine_versions())
    kept = cache.load(file)
    if kept is not None:
        return kept
    recordings = read((*PHRASES, *PHRASES_WITH_PAUSES), models)
    sayings = _sayings(plans)
    samples = speak(sayings, paths, seed, lambda done: progress(done, len(sayings)))
    voiced = dict(zip(sayings, samples, strict=True))
    scenarios = [_scenario(plan, voiced, recordings, seed) for plan in plans]
    cache.store(file, scenarios)
    return scenarios


def _sayings(plans: Sequence[Plan]) -> list[tuple[Voice, str]]:
    """What voices are to say, each thing once."""
    speeches = [plan.speech for plan in plans]
    speeches += [
        plan.barge.speech for plan in plans if plan.barge is not None and plan.barge.speech is not None
    ]
    return list(
        dict.fromkeys(
            (speech.source, part)
            for speech in speeches
            if isinstance(speech.source, Voice)
            for part in speech.parts
        )
    )


def _scenario(plan: Plan, voiced: Voiced, recordings: dict[Phrase, Clip], seed: int) -> Scenario:
    rng = np.random.default_rng([seed, crc32(plan.name.encode())])
    spoken = finished(_clip(plan.speech, voiced, recordings), plan.speech.dbfs)
    turn = BenchTurn(
        name=plan.name,
        kind=plan.kind,
        text=plan.speech.text,
        audio=spoken.samples,
        speech_start_s=0.0,
        speech_end_s=len(spoken.samples) / BENCH_RATE,
        voice=_named(plan.speech),
        pauses=spoken.pauses,
        snr_db=None if plan.noise is None else plan.noise.snr_db,
    )
    noise = None
    if plan.noise is not None:
        if plan.noise.what == "street":
            loop = street(rng, NOISE_S)
        else:
            others = [samples for (voice, _), samples in voiced.items() if voice != plan.speech.source]
            chosen = rng.choice(len(others), min(_BABBLERS, len(others)), replace=False)
            loop = babble([others[index] for index in chosen], rng, NOISE_S)
        noise = background(loop, turn.audio, plan.noise.snr_db)
    return Scenario(
        name=plan.name,
        turn=turn,
        barge=None if plan.barge is None else _barge(plan.name, plan.barge, voiced, recordings, rng),
        echo_gain_db=plan.echo_gain_db,
        echo_delay_ms=plan.echo_delay_ms,
        noise=noise,
    )


def _barge(
    name: str, plan: BargePlan, voiced: Voiced, recordings: dict[Phrase, Clip], rng: np.random.Generator
) -> Barge:
    if plan.speech is not None:
        samples = finished(_clip(plan.speech, voiced, recordings), plan.speech.dbfs).samples
        text, voice = plan.speech.text, _named(plan.speech)
    elif plan.cough:
        samples = finished(Clip(coughing(plan.cough, rng)), plan.dbfs).samples
        text, voice = "", f"synthetic {plan.cough}"
    else:
        samples, text, voice = np.zeros(0, np.int16), "", ""
    return Barge(
        name=name,
        kind=plan.kind,
        text=text,
        audio=samples,
        speech_start_s=0.0,
        speech_end_s=len(samples) / BENCH_RATE,
        voice=voice,
        after_s=plan.after_s,
    )


def _clip(speech: Speech, voiced: Voiced, recordings: dict[Phrase, Clip]) -> Clip:
    source = speech.source
    if isinstance(source, Phrase):
        return recordings[source]
    parts = [Clip(voiced[source, part]) for part in speech.parts]
    return joined(parts, speech.gaps_s) if len(parts) > 1 else parts[0]


def _named(speech: Speech) -> str:
    return speech.source.recording.speaker if isinstance(speech.source, Phrase) else speech.source.name
