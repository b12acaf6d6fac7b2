"""Human speech, cut from the sample recordings at their pauses. Times are milliseconds of the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from voicebot.audio import Samples, resample
from voicebot.bench.corpus.clips import Clip
from voicebot.bench.corpus.levels import noise_threshold
from voicebot.bench.scenario import BENCH_RATE
from voicebot.interfaces import ModelPaths
from voicebot.wav import read_wav

__all__ = ["PHRASES", "PHRASES_WITH_PAUSES", "Phrase", "Recording", "read"]


@dataclass(frozen=True, slots=True)
class Recording:
    model: str
    """Its name in the model manifest."""
    speaker: str
    silence_ms: tuple[int, int]
    """Where nobody speaks: what is no louder than this is not speech."""


@dataclass(frozen=True, slots=True)
class Phrase:
    recording: Recording
    text: str
    span_ms: tuple[int, int]
    """With some of the pause before and after it."""


KENNEDY = Recording("sample-human-speech", "human, J. F. Kennedy 1961", (2460, 2840))
READER = Recording("sample-human-reading", "human, reading", (0, 500))

PHRASES = (
    Phrase(KENNEDY, "And so, my fellow Americans,", (290, 2300)),
    Phrase(KENNEDY, "ask what you can do for your country.", (8100, 10500)),
    Phrase(READER, "It was the best of times, it was the worst of times,", (1150, 4700)),
    Phrase(READER, "it was the age of wisdom,", (4900, 6300)),
    Phrase(READER, "it was the spring of hope, it was the winter of despair,", (17450, 20600)),
    Phrase(READER, "we were all going direct the other way.", (26450, 28400)),
)
PHRASES_WITH_PAUSES = (
    Phrase(KENNEDY, "ask not what your country can do for you,", (3250, 7750)),
    Phrase(READER, "it was the season of light, it was the season of darkness,", (13350, 16800)),
    Phrase(READER, "for good or for evil, in the superlative degree of comparison only.", (36850, 41750)),
)


def read(phrases: Iterable[Phrase], models: ModelPaths) -> dict[Phrase, Clip]:
    """Cut phrases out of their recordings.

    Raises:
        ModelMissing: a recording is not on this machine.
        AudioError: it cannot be read.
    """
    clips = {}
    files: dict[Recording, Samples] = {}
    for phrase in phrases:
        recording = phrase.recording
        if recording not in files:
            chunk = read_wav(models.path(recording.model))
            files[recording] = resample(chunk.samples, chunk.sample_rate, BENCH_RATE)
        samples = files[recording]
        noise_dbfs = noise_threshold(_span(samples, recording.silence_ms))
        clips[phrase] = Clip(_span(samples, phrase.span_ms), noise_dbfs)
    return clips


def _span(samples: Samples, span_ms: tuple[int, int]) -> Samples:
    start, end = (round(ms * BENCH_RATE / 1000) for ms in span_ms)
    return samples[start:end]
