"""Audio as a file to upload."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from typing import Literal

import numpy as np

from voicebot.audio import Samples
from voicebot.recognition import SAMPLE_RATE

__all__ = ["Clip", "encode"]

_SHORTEST = round(1.1 * SAMPLE_RATE)
"""whisper.cpp hears nothing in less than a second, OpenAI refuses less than 0.1 s: silence is added."""


@dataclass(frozen=True, slots=True)
class Clip:
    name: str
    """Servers tell the format by its ending."""
    kind: str
    data: bytes


def encode(samples: Samples, form: Literal["wav", "flac"]) -> Clip:
    """16 kHz mono, 16 bits, 1.1 s or longer. Call it in a thread for FLAC, which is work."""
    if len(samples) < _SHORTEST:
        samples = np.concatenate([samples, np.zeros(_SHORTEST - len(samples), np.int16)])
    file = io.BytesIO()
    if form == "flac":
        import soundfile

        soundfile.write(file, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        return Clip("speech.flac", "audio/flac", file.getvalue())
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
    return Clip("speech.wav", "audio/wav", file.getvalue())
