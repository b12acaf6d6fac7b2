"""What is said when nobody can answer: rendered while there is a voice, so that it can be played when there is none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from voicebot.audio import AudioChunk, Samples, first_audible, resample
from voicebot.engines import Engine, blame, within
from voicebot.errors import EngineError, EngineTimeout, VoicebotError
from voicebot.fallback.tts import FallbackTTS
from voicebot.interfaces import TTS, SynthesisEvent

__all__ = ["APOLOGIES", "Apology", "apology_text", "render_apology"]

APOLOGIES = {
    "en": "Sorry, something went wrong. Could you say that again?",
    "de": "Entschuldigung, da ist etwas schiefgegangen. Können Sie das noch einmal sagen?",
    "es": "Perdón, algo ha salido mal. ¿Puede repetirlo, por favor?",
    "fr": "Désolé, il y a eu un problème. Pouvez-vous répéter, s'il vous plaît ?",
    "it": "Mi scusi, qualcosa è andato storto. Può ripetere, per favore?",
    "nl": "Sorry, er ging iets mis. Kunt u dat nog eens zeggen?",
    "pt": "Desculpe, algo correu mal. Pode repetir, por favor?",
}
"""By language."""

_AGAIN_S = (0.0, 0.5)
"""A voice is asked at once, and again after this where its error may pass: nobody waits for it yet."""

logger = logging.getLogger("voicebot.fallback")


@dataclass(frozen=True, slots=True, eq=False)
class Apology:
    text: str
    audio: AudioChunk

    def at(self, sample_rate: int) -> AudioChunk:
        """Its audio at this rate."""
        if self.audio.sample_rate == sample_rate:
            return self.audio
        return AudioChunk(resample(self.audio.samples, self.audio.sample_rate, sample_rate), sample_rate)


def apology_text(language: str, setting: str | None = None) -> str:
    """What to say; "" for nothing.

    Args:
        language: BCP 47; English is said in those that have no text here.
        setting: the profile's own text; None: the one for the language.
    """
    if setting is not None:
        return setting.strip()
    return APOLOGIES.get(language.split("-")[0].lower(), APOLOGIES["en"])


async def render_apology(tts: Engine[TTS], text: str, deadline_s: float) -> Apology | None:
    """Have it said by the first voice that says all of it; None where none does (it is logged), or there is no text.

    Args:
        tts: warmed up; a chain or not.
        deadline_s: for each voice, whole.
    """
    if not text:
        return None
    provider = tts.provider
    for engine in provider.warm_engines if isinstance(provider, FallbackTTS) else [tts]:
        for after_s in _AGAIN_S:
            await asyncio.sleep(after_s)
            try:
                return Apology(text, await within(engine, _say(engine, text), deadline_s, "apology"))
            except VoicebotError as error:
                logger.warning("the apology could not be made: %s", error)
                if isinstance(error, EngineTimeout) or not getattr(error, "retryable", False):
                    break
    return None


async def _say(engine: Engine[TTS], text: str) -> AudioChunk:
    with blame(engine):
        stream: AsyncGenerator[SynthesisEvent, None] = engine.provider.synthesize(text)
        async with aclosing(stream):
            events = [event async for event in stream]
        chunks = [event for event in events if isinstance(event, AudioChunk)]
        rate = chunks[0].sample_rate if chunks else 0
        samples: Samples = np.concatenate(
            [np.zeros(0, np.int16), *(resample(chunk.samples, chunk.sample_rate, rate) for chunk in chunks)]
        )
        if first_audible(samples) is None:
            raise EngineError("it made no sound of the apology")
    return AudioChunk(samples, rate)
