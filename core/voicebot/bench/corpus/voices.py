"""The callers' voices: the repository's own speech engines, each in a process of its own.

Both engines keep state that changes what is said next (Piper's random numbers, eSpeak's flutter), and a process
has one of each. In a fresh process that says the same things in the same order, the same seed gives the same
samples; and the bench's agent, which may speak with the same engine, is left alone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.audio import AudioChunk, Samples, resample
from voicebot.bench.scenario import BENCH_RATE
from voicebot.errors import EngineError, ModelMissing, VoicebotError
from voicebot.interfaces import TTS, ModelPaths, ProviderContext
from voicebot.plugins import Section, create, ensure_installed, find_plugin, load

__all__ = ["VOICES", "Voice", "engine_versions", "find_engines", "speak"]


@dataclass(frozen=True, slots=True)
class Voice:
    """A caller's voice."""

    name: str
    engine: str
    settings: tuple[tuple[str, Any], ...] = ()
    """Of the plugin's config."""
    pitch: float = 1.0
    """Played so much faster than it was spoken, which makes it higher too: another speaker."""


def _espeak(voice: str, rate_wpm: int, pitch: int = 50) -> Voice:
    settings = (("voice", voice), ("rate_wpm", rate_wpm), ("pitch", pitch))
    return Voice(f"espeak {voice} {rate_wpm} wpm", "espeak", settings)


# The variants with breath in them (+f2, +f3, +f5 ...) draw it from random numbers that nobody can seed. Of the others
# some are left out (en-gb+f4, en-us+f1, en-us+zac ...) of whose words Whisper tiny.en misheard more than one in five.
VOICES = (
    Voice("piper joe", "piper"),
    Voice("piper joe +8%", "piper", pitch=1.08),
    Voice("piper joe -8%", "piper", pitch=0.92),
    _espeak("en-us", 165),
    _espeak("en-us", 190, 40),
    _espeak("en-us+m3", 155),
    _espeak("en-us+quincy", 155),
    _espeak("en-us+Denis", 155),
    _espeak("en-us+f4", 155),
    _espeak("en-us+steph2", 155),
    _espeak("en-gb", 160),
    _espeak("en-gb-x-rp", 155),
    _espeak("en-gb-scotland", 150),
)

_PIPER_VOICE = "piper-en_US-joe-medium"
_MODELS = {"piper": (_PIPER_VOICE,), "espeak": ()}


@dataclass(frozen=True, slots=True)
class _Found:
    """`ModelPaths` for another process."""

    paths: dict[str, Path]

    def path(self, model: str) -> Path:
        if model not in self.paths:
            raise ModelMissing(f"The model {model} is not on this machine.")
        return self.paths[model]


def find_engines(models: ModelPaths) -> dict[str, Path]:
    """Where the engines' models are, once it is certain that all engines are there.

    Raises:
        PluginError: one is not installed (ExtraNotInstalled: its hint is the pip line).
        ModelMissing: a voice is not on this machine; the hint is the command that fetches it.
    """
    for engine in _MODELS:
        info = find_plugin("tts", engine)
        ensure_installed(info, load(info))
    return {model: models.path(model) for names in _MODELS.values() for model in names}


def engine_versions() -> dict[str, str]:
    """What the samples depend on besides the recipe."""
    packages = ("piper-tts", "onnxruntime", "espeakng-loader", "samplerate", "numpy")
    return {package: metadata.version(package) for package in packages}


def speak(
    sayings: Sequence[tuple[Voice, str]],
    paths: dict[str, Path],
    seed: int,
    progress: Callable[[int], None],
) -> list[Samples]:
    """What the voices say, in the order asked for, at `BENCH_RATE`, with an engine's usual silence around it.

    Args:
        paths: of `find_engines`.
        progress: called with how many are done.

    Raises:
        EngineError: an engine failed.
    """
    spawn = multiprocessing.get_context("spawn")
    said: dict[int, Samples] = {}
    with ExitStack() as stack:
        places: dict[Future[AudioChunk], int] = {}
        pools = []
        for engine in _MODELS:
            mine = [index for index, (voice, _) in enumerate(sayings) if voice.engine == engine]
            if not mine:
                continue
            # One worker, which takes its work in the order in which it is given.
            pool = stack.enter_context(
                ProcessPoolExecutor(1, mp_context=spawn, initializer=_begin, initargs=(paths, seed))
            )
            pools.append(pool)
            for index in mine:
                voice, text = sayings[index]
                places[pool.submit(_say, voice.engine, voice.settings, text)] = index
        try:
            for future in as_completed(places):
                chunk = future.result()
                voice = sayings[places[future]][0]
                rate = round(chunk.sample_rate * voice.pitch)
                said[places[future]] = resample(chunk.samples, rate, BENCH_RATE)
                progress(len(said))
        except BrokenExecutor as error:
            raise EngineError(
                "A speech engine's process ended while it made the bench's voices.", kind="tts"
            ) from error
        finally:
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)
    return [said[index] for index in range(len(sayings))]


# --- in the engine's process ----------------------------------------------------------------------------------------

_context = ProviderContext(models=_Found({}))
_seed = 0
_ready: dict[tuple[str, Any], TTS] = {}


def _begin(paths: dict[str, Path], seed: int) -> None:
    global _context, _seed
    # One thread: how sums are shared out among threads changes their last bits.
    _context, _seed = ProviderContext(models=_Found(paths), threads=1), seed


def _say(engine: str, settings: tuple[tuple[str, Any], ...], text: str) -> AudioChunk:
    try:
        return asyncio.run(_spoken(engine, settings, text))
    except VoicebotError as error:
        # Others cannot be sent to the process that asked.
        raise EngineError(error.message, kind="tts", plugin=engine, hint=error.hint) from None


async def _spoken(engine: str, settings: tuple[tuple[str, Any], ...], text: str) -> AudioChunk:
    tts = _ready.get((engine, settings))
    if tts is None:
        tts = _ready[engine, settings] = await _warm(engine, settings)
    chunks = [event async for event in tts.synthesize(text) if isinstance(event, AudioChunk)]
    if not chunks:
        raise EngineError(f"{engine} said nothing for {text!r}.", kind="tts", plugin=engine)
    return AudioChunk(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate)


async def _warm(engine: str, settings: tuple[tuple[str, Any], ...]) -> TTS:
    if engine == "piper":
        import onnxruntime

        onnxruntime.set_seed(_seed)  # for what is loaded from now on
    info = find_plugin("tts", engine)
    provider_class = load(info)
    section = Section(info, provider_class, provider_class.Config.model_validate(dict(settings)))
    tts: TTS = create("tts", section, _context)
    await tts.warmup()
    return tts
