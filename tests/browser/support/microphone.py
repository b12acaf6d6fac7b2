"""WAV files for Chromium's fake microphone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import voicebot
from voicebot.audio import AudioChunk, Samples, resample
from voicebot.wav import read_wav, write_wav

__all__ = ["QUESTION", "QUESTION_TEXT", "microphone_file"]

QUESTION = Path(voicebot.__file__).parent / "samples" / "question.wav"
QUESTION_TEXT = "What is the capital of France?"

_SAMPLE_RATE = 48_000


def microphone_file(path: Path, *parts: AudioChunk | Path | float) -> Path:
    """Write what the user does, one thing after the other.

    Args:
        parts: speech (audio or a recording's file), or silence in seconds. The first silence is the time from the
            page's opening of the microphone to the first word: it has to cover what connecting takes, since what is
            said before is lost. After the last part the microphone is silent for good.
    """
    sound: list[Samples] = []
    for part in parts:
        if isinstance(part, Path):
            part = read_wav(part)
        if isinstance(part, AudioChunk):
            sound.append(resample(part.samples, part.sample_rate, _SAMPLE_RATE))
        else:
            sound.append(AudioChunk.silence(part * 1000, _SAMPLE_RATE).samples)
    write_wav(path, AudioChunk(np.concatenate(sound), _SAMPLE_RATE))
    return path
