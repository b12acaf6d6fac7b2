"""A chain from the engines that a profile names."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from voicebot.engines import Engine
from voicebot.fallback.chain import Chain
from voicebot.fallback.llm import FallbackLLM
from voicebot.fallback.policy import Limits
from voicebot.fallback.provider import FallbackProvider
from voicebot.fallback.stt import FallbackSTT
from voicebot.fallback.tts import FallbackTTS
from voicebot.interfaces import Kind

__all__ = ["chained"]

_PROVIDERS: dict[Kind, type[FallbackProvider[Any]]] = {
    "stt": FallbackSTT,
    "llm": FallbackLLM,
    "tts": FallbackTTS,
}


def chained(
    kind: Kind,
    engines: Sequence[Engine[Any]],
    *,
    deadline_s: float,
    warmup_s: float,
    limits: Limits | None = None,
    jitter: Callable[[], float] = random.random,
) -> Engine[Any]:
    """Engines of a kind that takes a chain, the preferred one first, as one engine, named as they are.

    Args:
        deadline_s: for a first result, all attempts together.
        warmup_s: for each engine's warm-up.
        jitter: a number from 0 to 1, by chance.
    """
    chain: Chain[Any] = Chain(engines, deadline_s=deadline_s, warmup_s=warmup_s, limits=limits, jitter=jitter)
    names = ", ".join(engine.name for engine in engines)
    distributions = ", ".join(dict.fromkeys(engine.distribution for engine in engines))
    return Engine(kind, names, distributions, _PROVIDERS[kind](chain))
