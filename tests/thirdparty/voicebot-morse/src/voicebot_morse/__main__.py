"""`python -m voicebot_morse write TEXT FILE`, and `read FILE`; `DIT_MS` says how fast."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import soundfile
from voicebot.audio import resample

from voicebot_morse.code import SAMPLE_RATE, Reader, sound


def main(what: str, *arguments: str) -> None:
    dit_ms = int(os.environ.get("DIT_MS", "60"))
    if what == "write":
        text, file = arguments
        words = [sound(word, dit_ms, 700) for word in text.split()]
        soundfile.write(file, np.concatenate(words), SAMPLE_RATE)
        return
    samples, rate = soundfile.read(Path(*arguments), dtype="int16")
    reader = Reader(dit_ms)
    reader.push(resample(samples, rate, SAMPLE_RATE))
    sys.stdout.write(f"{reader.text}\n")


main(*sys.argv[1:])
