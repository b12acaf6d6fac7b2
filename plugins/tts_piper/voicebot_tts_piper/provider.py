"""The piper TTS provider."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from pydantic import BaseModel

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ProviderContext, SynthesisEvent
from voicebot.synthesis.silence import SILENT_BELOW, EdgeTrimmer
from voicebot.synthesis.text import pieces, safe_text
from voicebot_tts_piper.config import PiperConfig
from voicebot_tts_piper.voice import Voice, load_voice, voice_file

__all__ = ["PiperTTS"]

_log = logging.getLogger(__name__)


class PiperTTS:
    """Speaks with a Piper voice on onnxruntime: natural, a sentence at a time."""

    Config: ClassVar[type[BaseModel]] = PiperConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True,
        licence="GPL-3.0-or-later",
        modules=("piper", "onnxruntime"),
        extra="piper",
    )

    def __init__(self, config: PiperConfig, context: ProviderContext) -> None:
        self._config = config
        self._context = context
        self._voice: Voice | None = None

    @classmethod
    def required_models(cls, config: PiperConfig) -> Sequence[str]:
        return (config.voice,)

    async def warmup(self) -> None:
        """Load the voice and speak once, unheard.

        Raises:
            ModelError: the voice's files are missing or damaged.
            EngineError: it does not speak.
        """
        if self._voice is None:
            self._voice = await asyncio.to_thread(self._load)

    def _load(self) -> Voice:
        file = voice_file(self._context.models.path(self._config.voice))
        voice = load_voice(file, self._config, self._context.threads)
        if not voice.speaks(self._context.language):
            _log.warning(
                "the voice %s speaks the language %s, and the call's is %s",
                self._config.voice,
                voice.language,
                self._context.language,
            )
        voice.say("Hello there.").next_sentence()
        return voice

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        """Speak one clause, a chunk per sentence.

        Raises:
            EngineError: not warmed up, closed, or Piper failed.
        """
        voice = self._voice
        if voice is None:
            raise EngineError("piper is not warmed up.", kind="tts", plugin="piper")
        trimmer = EdgeTrimmer(
            voice.sample_rate,
            tail_ms=self._config.tail_silence_ms,
            threshold=SILENT_BELOW * self._config.volume,
        )
        # A sentence is one run of the model, whose memory grows with its length.
        for _, piece in pieces(safe_text(text)):
            speech = voice.say(piece)
            try:
                while (samples := await asyncio.to_thread(speech.next_sentence)) is not None:
                    if len(ready := trimmer.push(samples)):
                        yield AudioChunk(ready, voice.sample_rate)
            finally:
                speech.stop()
        if len(tail := trimmer.flush()):
            yield AudioChunk(tail, voice.sample_rate)

    async def aclose(self) -> None:
        """Drop the voice; a synthesis in progress keeps it until it ends."""
        self._voice = None
