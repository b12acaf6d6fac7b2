"""An ear that knows nothing of the calls.

Whisper tiny.en with its full window: on short robotic sentences it does better than the larger, multilingual one.
"""

from __future__ import annotations

import asyncio

from voicebot.audio import AudioChunk, resample
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot.models.fetch import pull
from voicebot_stt_fasterwhisper import FasterWhisperConfig, FasterWhisperSTT

__all__ = ["Ear"]

_MODEL = "whisper-tiny.en-ct2"
_RATE = 16_000
_FULL = 1500


class Ear:
    """Loaded at the first recording.

    Raises:
        VoicebotError: its model is not here and cannot be fetched, or its engine is not installed.
    """

    def __init__(self, store: ModelStore) -> None:
        pull([_MODEL], store)
        config = FasterWhisperConfig(model=_MODEL, context_final=_FULL, interim_interval_ms=0)
        self._stt = FasterWhisperSTT(config, ProviderContext(models=store, threads=2))
        self._runner = asyncio.Runner()
        self._warm = False

    def __call__(self, audio: AudioChunk) -> str:
        """The words of a recording."""
        return self._runner.run(self._listen(audio))

    async def _listen(self, audio: AudioChunk) -> str:
        if not self._warm:
            await self._stt.warmup()
            self._warm = True
        utterance = self._stt.start(lambda interim: None)
        try:
            utterance.push(AudioChunk(resample(audio.samples, audio.sample_rate, _RATE), _RATE))
            return (await utterance.finalize()).text
        finally:
            await utterance.aclose()

    def close(self) -> None:
        try:
            self._runner.run(self._stt.aclose())
        finally:
            self._runner.close()
