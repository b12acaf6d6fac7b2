"""The voices that talk: eSpeak, Piper and a human recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from voicebot.audio import AudioChunk, Samples, resample
from voicebot.interfaces import TTS, ProviderContext
from voicebot.models import ModelStore
from voicebot.wav import read_wav
from voicebot_tts_espeak import EspeakConfig, EspeakTTS
from voicebot_tts_piper import PiperConfig, PiperTTS

from .scenes import RATE

__all__ = ["AGENT_RATE", "speak_all"]

AGENT_RATE = 22_050
AGENT_SAYS = (
    "Thanks for calling, how can I help you today? I can look up an order or change a delivery.",
    "Your parcel left the depot this morning, and it should be with you by four.",
    "Sure. There are three tables free on Friday evening, two of them outside.",
    "I am sorry to hear that. Let me see what went wrong with the payment.",
    "Yes, we open at nine on weekdays, and at ten on Saturdays and Sundays.",
    "Okay, I have booked the room for two nights, breakfast included.",
)
USER_SAYS = (
    "No wait, I meant the other one.",
    "Hold on, can you say that again?",
    "Stop, that is not what I asked for.",
    "Sorry, could we make it five instead?",
    "Actually, please cancel it.",
    "But what about my refund?",
)
HUMAN_CUTS_S = ((0.3, 2.3), (3.2, 5.4), (5.4, 7.8), (8.1, 10.6))
"""Phrases of the human recording."""


async def _say(tts: TTS, texts: tuple[str, ...]) -> list[Samples]:
    await tts.warmup()
    said = []
    try:
        for text in texts:
            chunks = [event.samples async for event in tts.synthesize(text) if isinstance(event, AudioChunk)]
            said.append(np.concatenate(chunks))
    finally:
        await tts.aclose()
    return said


VOICES = ("espeak", "espeak-f", "piper")


async def speak_all(
    models: ModelStore, voices: Sequence[str] = VOICES
) -> tuple[dict[str, list[Samples]], dict[str, list[Samples]]]:
    """What agents say, at AGENT_RATE, and what users say, at RATE, by voice; users include a human."""
    context = ProviderContext(models=models)
    steady = PiperConfig(noise_scale=0.0, noise_w=0.0)
    engines: dict[str, Callable[[], TTS]] = {
        "espeak": lambda: EspeakTTS(EspeakConfig(), context),
        "espeak-f": lambda: EspeakTTS(EspeakConfig(voice="en-gb+f3", pitch=60), context),
        "piper": lambda: PiperTTS(steady, context),
    }
    agents = {name: await _say(engines[name](), AGENT_SAYS) for name in voices}
    users = {
        name: [resample(said, AGENT_RATE, RATE) for said in await _say(engines[name](), USER_SAYS)]
        for name in voices
    }
    human = read_wav(models.path("sample-human-speech"))
    samples = resample(human.samples, human.sample_rate, RATE)
    users["human"] = [samples[int(start * RATE) : int(end * RATE)] for start, end in HUMAN_CUTS_S]
    return agents, users
