"""What was heard, by an ear that knows nothing of the call."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
from bench.faults.stages import Stage
from rapidfuzz import fuzz

from voicebot.audio import AUDIBLE, AudioChunk, first_audible, resample
from voicebot.fallback import apology_text
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot_stt_fasterwhisper import FasterWhisperConfig, FasterWhisperSTT

__all__ = ["Ear", "Heard", "ear", "last_syllable_s", "named"]

_ALIKE = 65.0
_APOLOGY = tuple(re.findall(r"[^.?!]+[.?!]", apology_text("en")))
_STRAY_WORDS = 3
"""More words than this that are of nothing known are something else."""


@dataclass(frozen=True)
class Heard:
    text: str
    after_s: float | None
    """From the user's last audible sample to the agent's first; None for silence."""


class Ear:
    """Transcribes what can be heard; the same sound only once."""

    def __init__(self, stt: FasterWhisperSTT, last_s: float) -> None:
        self._stt = stt
        self._last_s = last_s
        self._known: dict[bytes, str] = {}

    async def hear(self, audio: AudioChunk) -> Heard:
        first = first_audible(audio.samples)
        if first is None:
            return Heard("", None)
        last = int(np.flatnonzero(np.abs(audio.samples.astype(np.int32)) > AUDIBLE)[-1])
        margin = audio.sample_rate // 10  # a soft consonant is below what counts as audible
        part = AudioChunk(audio.samples[max(0, first - margin) : last + margin], audio.sample_rate)
        sound = part.samples.tobytes()
        if sound not in self._known:
            self._known[sound] = await self._transcribe(part)
        return Heard(self._known[sound], first / audio.sample_rate - self._last_s)

    async def _transcribe(self, part: AudioChunk) -> str:
        silence = np.zeros(4_800, np.int16)
        samples = resample(part.samples, part.sample_rate, 16_000)
        utterance = self._stt.start(lambda interim: None)
        try:
            utterance.push(AudioChunk(np.concatenate([silence, samples, silence])[: 30 * 16_000], 16_000))
            return (await utterance.finalize()).text
        finally:
            await utterance.aclose()


@asynccontextmanager
async def ear(question: AudioChunk) -> AsyncIterator[Ear]:
    """The larger of the bundled models, over the whole of what it can take: less mishears short sentences."""
    config = FasterWhisperConfig(context_final=1500, interim_interval_ms=0)
    stt = FasterWhisperSTT(config, ProviderContext(models=ModelStore()))
    try:
        await stt.warmup()
        yield Ear(stt, last_syllable_s(question))
    finally:
        await stt.aclose()


def last_syllable_s(audio: AudioChunk) -> float:
    """Its last audible sample."""
    loud = np.flatnonzero(np.abs(audio.samples.astype(np.int32)) > AUDIBLE)
    return float(loud[-1]) / audio.sample_rate


def named(text: str, stage: Stage) -> str:
    """In short what that was: parts of what may be said in this stage's calls, or "something else"."""
    if not text.strip():
        return "silence"
    own, other = stage.answers
    names, rest = [], len(_words(text))
    for name, sentences in (("answer", own), ("the other's answer", other), ("apology", _APOLOGY)):
        if name == "the other's answer" and other == own:
            continue
        heard = [sentence for sentence in sentences if _holds(text, sentence)]
        rest -= sum(len(_words(sentence)) for sentence in heard)
        if len(heard) == len(sentences):
            names.append(name)
        elif heard:
            names.append(f"{len(heard)} of {len(sentences)} sentences of {_the(name)}")
    if rest > _STRAY_WORDS or not names:
        names.append("something else")
    return ", then ".join(names)


def _the(name: str) -> str:
    return name if name.startswith("the ") else f"the {name}"


def _holds(text: str, sentence: str) -> bool:
    wanted, heard = " ".join(_words(sentence)), " ".join(_words(text))
    # Of two texts the shorter one is looked for in the longer one: a mere beginning is not the sentence.
    alike = fuzz.ratio if len(heard) < len(wanted) else fuzz.partial_ratio
    return alike(wanted, heard) >= _ALIKE


def _words(text: str) -> Sequence[str]:
    return re.findall(r"[a-z0-9']+", text.casefold())
