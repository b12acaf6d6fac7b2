"""Calls through real engines: the voices that ask, the call, the ears that check the answer."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidfuzz import fuzz

from voicebot.audio import AudioChunk, Samples, resample
from voicebot.interfaces import ProviderContext, WordMark
from voicebot.models import ModelStore
from voicebot.wav import read_wav
from voicebot_stt_fasterwhisper import FasterWhisperConfig, FasterWhisperSTT
from voicebot_tts_espeak import EspeakConfig, EspeakTTS
from voicebot_tts_piper import PiperConfig, PiperTTS

Speak = Callable[..., AudioChunk]
Transcribe = Callable[[AudioChunk], str]


@dataclass(frozen=True)
class Held:
    """A call that was held."""

    code: int
    report: dict[str, Any]
    answer: AudioChunk
    printed: str


HoldCall = Callable[..., Held]


@pytest.fixture(scope="session")
def speak(model_store: ModelStore) -> Speak:
    """Says a text with `piper` or `espeak`, straight from the engine."""

    def say(text: str, plugin: str = "piper") -> AudioChunk:
        async def main() -> AudioChunk:
            context = ProviderContext(models=model_store)
            tts = (
                PiperTTS(PiperConfig(), context) if plugin == "piper" else EspeakTTS(EspeakConfig(), context)
            )
            await tts.warmup()
            chunks = [event async for event in tts.synthesize(text) if not isinstance(event, WordMark)]
            await tts.aclose()
            return AudioChunk(np.concatenate([c.samples for c in chunks]), chunks[0].sample_rate)

        return asyncio.run(main())

    return say


@pytest.fixture(scope="session")
def transcribe(model_store: ModelStore) -> Transcribe:
    """What an ear that knows nothing of the call makes of a recording (the larger model, full context)."""

    def listen(audio: AudioChunk) -> str:
        async def main() -> str:
            config = FasterWhisperConfig(context_final=1500, interim_interval_ms=0)
            stt = FasterWhisperSTT(config, ProviderContext(models=model_store))
            await stt.warmup()
            utterance = stt.start(lambda interim: None)
            utterance.push(AudioChunk(resample(audio.samples, audio.sample_rate, 16_000), 16_000))
            final = await utterance.finalize()
            await utterance.aclose()
            await stt.aclose()
            return final.text

        return asyncio.run(main())

    return listen


@pytest.fixture
def hold_call(tmp_path: Path) -> HoldCall:
    """`voicebot call --fast` as a process of its own; keyword arguments are environment variables."""

    def hold(question: Path, profile: str = "configs/local.yaml", **environ: str) -> Held:
        output, report = tmp_path / "answer.wav", tmp_path / "report.json"
        root = Path(__file__).parents[2]
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "voicebot",
            "call",
            "--fast",
            "--profile",
            root / profile,
        ]
        command += ["--input", question, "--output", output, "--json", report]
        done = subprocess.run(
            command,
            # A verdict that a busy machine gives late is an error of its turn, and the command's exit code.
            env={**os.environ, "VOICEBOT_DEADLINES__TURN_VERDICT_MS": "10000", **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert "Traceback" not in done.stderr, done.stderr
        if done.returncode == 2:
            pytest.fail(done.stderr)
        data = json.loads(report.read_text())
        return Held(done.returncode, data, read_wav(output), done.stdout + done.stderr)

    return hold


NUMBERS = {"one": "1", "two": "2", "three": "3", "seven": "7", "ten": "10"}


def likeness(heard: str, said: str) -> float:
    """0 to 100, of the words, whatever their case and punctuation; small numbers may be words or digits."""
    first, second = (
        " ".join(NUMBERS.get(word, word) for word in re.findall(r"[a-z0-9']+", text.casefold()))
        for text in (heard, said)
    )
    return fuzz.ratio(first, second)


def part(audio: AudioChunk, start_s: float, end_s: float) -> AudioChunk:
    rate = audio.sample_rate
    return AudioChunk(audio.samples[max(0, round(start_s * rate)) : round(end_s * rate)], rate)


def loudness(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64))))) if len(samples) else 0.0


def envelope_match(first: AudioChunk, second: AudioChunk) -> float:
    """0 to 1: how alike the loudness of two recordings is over time, at the best alignment of the two."""
    a, b = (_envelope(audio) for audio in (first, second))
    products = np.correlate(a, b, mode="full")
    return float(products.max() / np.sqrt(np.sum(a**2) * np.sum(b**2)))


def _envelope(audio: AudioChunk) -> np.ndarray[Any, np.dtype[np.float64]]:
    step = audio.sample_rate // 100
    count = len(audio.samples) // step
    blocks = audio.samples[: count * step].astype(np.float64).reshape(count, step)
    envelope: np.ndarray[Any, np.dtype[np.float64]] = np.sqrt(np.mean(blocks**2, axis=1))
    return envelope


def crossings_per_s(audio: AudioChunk) -> float:
    """Zero crossings per second of sound: what a wrong sample rate would shift, as it shifts the pitch."""
    loud = audio.samples[np.abs(audio.samples.astype(np.int32)) > 300]
    return float(np.count_nonzero(np.diff(np.sign(loud))) / (len(loud) / audio.sample_rate))
