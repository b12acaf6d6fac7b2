"""Fallback chains: several engines of a kind, the preferred one first, behaving as one provider.

    breaker.py    whether an engine may be asked now                                      decides, without I/O
    policy.py     what to do after an error: the same again, the next, give up            decides, without I/O
    chain.py      the engines of a chain, their warm-up, what becomes known of them
    request.py    one request through a chain
    streaming.py  results of whichever engine answers, for the LLM and the TTS
    llm.py, tts.py, stt.py    the providers
    apology.py    what is said when nobody can answer

A chain of one engine is a chain too: its errors are the engine's, its request is made again where that helps.
"""

from voicebot.events import FallbackEvent
from voicebot.fallback.apology import Apology, apology_text, render_apology
from voicebot.fallback.breaker import BreakerSettings, CircuitBreaker
from voicebot.fallback.building import chained
from voicebot.fallback.chain import Chain, LinkHealth
from voicebot.fallback.llm import FallbackLLM
from voicebot.fallback.policy import Limits
from voicebot.fallback.provider import FallbackProvider
from voicebot.fallback.stt import FallbackSTT
from voicebot.fallback.tts import FallbackTTS

__all__ = [
    "Apology",
    "BreakerSettings",
    "Chain",
    "CircuitBreaker",
    "FallbackEvent",
    "FallbackLLM",
    "FallbackProvider",
    "FallbackSTT",
    "FallbackTTS",
    "Limits",
    "LinkHealth",
    "apology_text",
    "chained",
    "render_apology",
]
