"""One careful decoding: a short encoder context, and a full one where the result looks wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from typing import TypeAlias

from voicebot.audio import Samples
from voicebot.interfaces import FinalTranscript
from voicebot.recognition.context import FULL_CONTEXT, MAX_S, SAMPLE_RATE, context_length, token_cap
from voicebot.recognition.evidence import is_silent, is_steady
from voicebot.recognition.text import is_phantom, loop_start, strip_annotations, trim_loop

__all__ = ["Decode", "Hypothesis", "recognise"]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a decoder wrote."""

    text: str
    complete: bool = True
    """It ended by itself, before the cap on its tokens."""
    logprob: float | None = None
    """Mean natural log-probability of its tokens."""
    no_speech: float | None = None
    """Probability, 0 to 1, that there is no speech."""
    language: str = ""


Decode: TypeAlias = Callable[[Samples, int, int], Hypothesis]
"""(int16 samples at 16 kHz, encoder positions, most tokens) -> hypothesis; blocking."""

# OpenAI's transcribe.py: no speech where both hold.
_NO_SPEECH, _UNSURE = 0.6, -1.0
# For known phrases, and for engines that give no such probability. Between what 25 clips of noise gave (tiny.en and
# base: no_speech >= 0.66, or a mean log-probability under -0.77; under -1.5 for sentences) and what short words in
# noise down to 3 dB gave (no_speech <= 0.33, rarely under -0.75).
_PHANTOM_NO_SPEECH, _PHANTOM_UNSURE = 0.4, -0.75
_SENTENCE_WORDS, _SENTENCE_UNSURE = 3, -1.4


def recognise(decode: Decode, samples: Samples, context: int, *, retry: bool) -> FinalTranscript:
    """Transcribe a clip, leaving out what Whisper makes up.

    Args:
        decode: the engine.
        samples: int16 at 16 kHz; only the first 30 s are heard.
        context: the fewest encoder positions to use.
        retry: decode again with the full context where the text loops or does not end. Without it (interims)
            the loop is cut off.
    """
    samples = samples[: int(MAX_S * SAMPLE_RATE)]
    seconds = len(samples) / SAMPLE_RATE
    if is_silent(samples):
        return FinalTranscript("", seconds)
    length = context_length(seconds, context)
    found = decode(samples, length, token_cap(seconds))
    if retry and length < FULL_CONTEXT and _looks_wrong(found):
        found = decode(samples, FULL_CONTEXT, token_cap(seconds))
    text = found.text.strip()
    if not found.complete:  # what ended by itself at full context is believed: people do repeat themselves
        text = trim_loop(text)
    text = strip_annotations(text)
    if _made_up(found, text, samples):
        text = ""
    confidence = None if found.logprob is None else exp(found.logprob)
    return FinalTranscript(text, seconds, found.language, confidence)


def _looks_wrong(found: Hypothesis) -> bool:
    return not found.complete or loop_start(found.text) is not None


def _made_up(found: Hypothesis, text: str, samples: Samples) -> bool:
    logprob = 0.0 if found.logprob is None else found.logprob
    if found.no_speech is None:
        sentence = len(text.split()) >= _SENTENCE_WORDS and logprob < _SENTENCE_UNSURE
        return sentence or (is_phantom(text) and (logprob < _PHANTOM_UNSURE or is_steady(samples)))
    if found.no_speech > _NO_SPEECH and logprob < _UNSURE:
        return True
    return is_phantom(text) and (found.no_speech > _PHANTOM_NO_SPEECH or is_steady(samples))
