"""Hard sentences through a real voice and a real ear, as they are written and as they are said."""

from __future__ import annotations

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from voicebot.audio import Samples, resample
from voicebot.language import same
from voicebot.models import ModelStore
from voicebot.recognition import FULL_CONTEXT
from voicebot.speech.spoken import spoken
from voicebot_stt_fasterwhisper.engine import WhisperEngine
from voicebot_tts_piper import PiperConfig
from voicebot_tts_piper.voice import Voice, load_voice, voice_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

SENTENCES = [
    "The total is $1,042.50, due on 12/05/2026.",
    "Please call +44 20 7946 0018 before 3:45 pm.",
    "Write to john.doe@example.com or see https://example.com/help.",
    "It will be -5 °C tonight, with a 50% chance of snow.",
    "The 2.5GHz model costs €199/month, e.g. for 16 GB.",
    "R&D spent £3.5M vs. $4bn on 2026-03-01.",
]


def said(text: str) -> tuple[str, ...]:
    """The words of a text as they sound, however they are written: the ear writes figures where it likes."""
    return same.words(spoken(text, "en").text)


@pytest.fixture(scope="module")
def ear(model_store: ModelStore) -> WhisperEngine:
    return WhisperEngine(
        model_store.path("whisper-tiny.en-ct2"),
        device="cpu",
        compute_type="int8",
        threads=2,
        replicas=1,
        language="en",
        initial_prompt="",
    )


@pytest.fixture(scope="module")
def voice(model_store: ModelStore) -> Voice:
    """Without its random numbers it says the same text in the same way."""
    file = voice_file(model_store.path("piper-en_US-joe-medium"))
    return load_voice(file, PiperConfig(noise_scale=0.0, noise_w=0.0), threads=2)


def speak(voice: Voice, text: str) -> Samples:
    """At 16 kHz."""
    speech = voice.say(text)
    made = []
    while (samples := speech.next_sentence()) is not None:
        made.append(samples)
    return resample(np.concatenate(made), 22_050, 16_000)


def errors(voice: Voice, ear: WhisperEngine, texts: list[str]) -> list[int]:
    """Words got wrong of each sentence."""
    heard = [ear.decode(speak(voice, text), FULL_CONTEXT, 72).text for text in texts]
    return [
        Levenshtein.distance(said(written), said(text))
        for written, text in zip(SENTENCES, heard, strict=True)
    ]


def test_what_was_written_is_heard(voice: Voice, ear: WhisperEngine) -> None:
    length = sum(len(said(sentence)) for sentence in SENTENCES)
    before = errors(voice, ear, SENTENCES)
    after = errors(voice, ear, [spoken(sentence, "en").text for sentence in SENTENCES])
    assert sum(after) < sum(before) / 2
    assert sum(after) < 0.15 * length
    assert after.count(0) >= 3
