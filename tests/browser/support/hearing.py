"""What a listener who knows nothing of the call makes of a recording."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
from rapidfuzz.distance import Levenshtein

from voicebot.audio import AudioChunk, resample
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot_stt_fasterwhisper import FasterWhisperConfig, FasterWhisperSTT

__all__ = ["Listen", "likeness", "listener", "loudness_db", "spoken_parts", "word_error_rate"]

Listen = Callable[[AudioChunk], Awaitable[str]]

_BLOCK_MS = 20


@asynccontextmanager
async def listener(store: ModelStore, model: str = "whisper-base-ct2") -> AsyncIterator[Listen]:
    """Transcribes recordings of up to 30 s each."""
    config = FasterWhisperConfig(model=model, context_final=1500, interim_interval_ms=0)
    stt = FasterWhisperSTT(config, ProviderContext(models=store))
    await stt.warmup()

    async def listen(audio: AudioChunk) -> str:
        utterance = stt.start(lambda interim: None)
        utterance.push(AudioChunk(resample(audio.samples, audio.sample_rate, 16_000), 16_000))
        final = await utterance.finalize()
        await utterance.aclose()
        return final.text

    try:
        yield listen
    finally:
        await stt.aclose()


def word_error_rate(heard: str, said: str) -> float:
    """Word-level edit distance by the number of words said; case and punctuation do not count. May exceed 1."""
    hypothesis, reference = _words(heard), _words(said)
    if not reference:
        return float(bool(hypothesis))
    return Levenshtein.distance(hypothesis, reference) / len(reference)


def likeness(heard: str, said: str) -> float:
    """0 to 1, letter by letter: for a synthetic voice, of which "France is" may be heard as "Francis"."""
    return Levenshtein.normalized_similarity(" ".join(_words(heard)), " ".join(_words(said)))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.casefold())


def spoken_parts(audio: AudioChunk, *, pause_s: float = 0.8, peak: int = 327) -> list[tuple[float, float]]:
    """(begin, end) in seconds of what is not silence; pauses shorter than `pause_s` do not divide.

    Args:
        peak: from which a block of 20 ms is heard (the default is `voicebot.audio.first_audible`'s).
    """
    size = audio.sample_rate * _BLOCK_MS // 1000
    count = len(audio.samples) // size
    blocks = np.abs(audio.samples[: count * size].astype(np.int32)).reshape(count, size).max(axis=1)
    parts: list[tuple[float, float]] = []
    for index in np.flatnonzero(blocks > peak):
        begin, end = index * _BLOCK_MS / 1000, (index + 1) * _BLOCK_MS / 1000
        if parts and begin - parts[-1][1] < pause_s:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((begin, end))
    return parts


def loudness_db(audio: AudioChunk) -> float:
    """Root mean square in dBFS; -100 for digital silence and for nothing."""
    if not len(audio.samples):
        return -100.0
    mean = float(np.mean(np.square(audio.samples.astype(np.float64) / 32768)))
    return max(-100.0, 10 * float(np.log10(mean))) if mean > 0 else -100.0
