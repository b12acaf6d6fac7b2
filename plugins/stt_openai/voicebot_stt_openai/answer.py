"""What a server answers, read and judged: what Whisper makes up where nobody spoke is left out. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import exp, isfinite
from typing import Any

from voicebot.audio import Samples
from voicebot.errors import EngineError
from voicebot.interfaces import FinalTranscript
from voicebot.recognition import FULL_CONTEXT, SAMPLE_RATE, Hypothesis, recognise
from voicebot.recognition.context import token_cap
from voicebot.recognition.text import trim_loop
from voicebot.servers.failures import Secrets, said, web_page

__all__ = ["Answer", "Segment", "judge", "read_answer"]

_LONGEST = 4_000
"""Characters; nobody says so many in 30 s."""
_SEGMENTS = 32


@dataclass(frozen=True, slots=True)
class Segment:
    text: str
    logprob: float | None = None
    """Mean natural log-probability of its tokens, 0 or less."""
    no_speech: float | None = None
    """Probability that its 30 s window holds no speech."""


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    language: str = ""
    """A code, as en; "" where the server gives none, or a name."""
    segments: tuple[Segment, ...] = ()


def read_answer(body: bytes, *, where: str, secrets: Secrets = ()) -> Answer:
    """An answer in `json` or `verbose_json`.

    Raises:
        EngineError: it is something else, as an error that came with status 200 (whisper.cpp).
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        if body.lstrip()[:1] == b"<":
            raise web_page(where) from None
        what = "with damaged JSON" if body.strip() else "with nothing"
        raise EngineError(f"{where} answered {what} instead of a transcription.", retryable=True) from None
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        words = said(body, secrets).rstrip(".") if isinstance(data, dict) else ""
        raise EngineError(f"{where} answered without a transcription{f': {words}' if words else ''}.")
    segments = tuple(_segments(data.get("segments")))
    return Answer(_joined(segments).strip() or _text(data["text"]), _code(data.get("language")), segments)


def judge(answer: Answer, samples: Samples, language: str) -> FinalTranscript:
    """The transcript of a clip, by the rules of `voicebot.recognition`, for each segment where it says enough.

    Args:
        samples: what was sent, int16 at 16 kHz.
        language: what the server was told; "" where it was to find out.
    """
    seconds = len(samples) / SAMPLE_RATE
    complete = len(answer.text.split()) < token_cap(seconds)
    pieces = answer.segments
    if not 0 < len(pieces) <= _SEGMENTS or any(piece.no_speech is None for piece in pieces):
        pieces = (Segment(answer.text, _mean(answer.segments)),)
    kept: list[Segment] = []
    texts: list[str] = []
    for piece in pieces:
        if text := _believed(piece, samples, complete):
            kept.append(piece)
            texts.append(text)
    text = " ".join(" ".join(texts).split())
    logprob = _mean(tuple(kept))
    return FinalTranscript(
        text if complete else trim_loop(text),
        seconds,
        language or answer.language,
        None if logprob is None else exp(logprob),
    )


def _believed(piece: Segment, samples: Samples, complete: bool) -> str:
    found = Hypothesis(piece.text, complete, piece.logprob, piece.no_speech)
    return recognise(lambda *_: found, samples, FULL_CONTEXT, retry=False).text


def _mean(segments: tuple[Segment, ...]) -> float | None:
    """Of the log-probabilities, weighted by words."""
    known = [
        (segment.logprob, len(segment.text.split()) or 1)
        for segment in segments
        if segment.logprob is not None
    ]
    if not known:
        return None
    return sum(logprob * weight for logprob, weight in known) / sum(weight for _, weight in known)


def _joined(segments: tuple[Segment, ...]) -> str:
    """Whisper's segments begin with their space, and whisper.cpp may cut them within a word."""
    raw = segments[0].text[:1].isspace() if segments else False
    return ("" if raw else " ").join(segment.text for segment in segments)[:_LONGEST]


def _segments(data: Any) -> list[Segment]:
    if not isinstance(data, list):
        return []
    return [
        Segment(
            _text(item["text"]),
            _number(item.get("avg_logprob"), 0.0),
            _number(item.get("no_speech_prob"), 1.0),
        )
        for item in data[:_LONGEST]
        if isinstance(item, dict) and isinstance(item.get("text"), str)
    ]


def _text(text: str) -> str:
    """Without halves of surrogate pairs, which no text may hold."""
    return text[:_LONGEST].encode("utf-8", "ignore").decode()


def _number(value: Any, most: float) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return min(number, most) if isfinite(number) else None


def _code(language: Any) -> str:
    good = isinstance(language, str) and 2 <= len(language) <= 3 and language.isascii() and language.isalpha()
    return language.lower() if good else ""
