from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import BaseModel

from voicebot.audio import Samples
from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, FinalTranscript, InterimTranscript, ProviderContext
from voicebot.recognition import SAMPLE_RATE, BufferedUtterance, recognise

from .config import FasterWhisperConfig

if TYPE_CHECKING:
    from .engine import WhisperEngine

__all__ = ["FasterWhisperSTT"]


class FasterWhisperSTT:
    """Whisper on CTranslate2: the fastest of our engines on small CPUs."""

    Config: ClassVar[type[BaseModel]] = FasterWhisperConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        interim=True,
        sample_rates=(SAMPLE_RATE,),
        licence="MIT",
        modules=("ctranslate2", "faster_whisper", "tokenizers"),
        extra="fasterwhisper",
    )
    max_utterance_s = 30.0

    def __init__(self, config: FasterWhisperConfig, context: ProviderContext) -> None:
        self._config = config
        self._context = context
        self._engine: WhisperEngine | None = None

    @classmethod
    def required_models(cls, config: FasterWhisperConfig) -> Sequence[str]:
        return (config.model,)

    async def warmup(self) -> None:
        """Load the model and transcribe once.

        Raises:
            ModelMissing, EngineError: there is no such model, or it cannot be used for the call's language.
        """
        if self._engine is None:
            self._engine = await asyncio.to_thread(self._load)

    def _load(self) -> WhisperEngine:
        from .engine import WhisperEngine

        engine = WhisperEngine(
            self._context.models.path(self._config.model),
            device=self._config.device,
            compute_type=self._config.compute_type,
            threads=max(1, min(self._config.threads, self._context.threads)),
            # CTranslate2 cannot abort within the encoder, so that a final would wait for the interim before it:
            # it runs beside it.
            replicas=2 if self._config.interim_interval_ms else 1,
            language=self._context.language.partition("-")[0].lower(),
            initial_prompt=self._config.initial_prompt,
        )
        for context in {self._config.context_interim, self._config.context_final}:
            engine.decode(np.zeros(SAMPLE_RATE, np.int16), context, 8)
        return engine

    def start(self, on_interim: Callable[[InterimTranscript], None]) -> BufferedUtterance:
        return BufferedUtterance(self._transcribe, on_interim, self._config.interim_interval_ms)

    def _transcribe(self, samples: Samples, final: bool, give_up: Callable[[], bool]) -> FinalTranscript:
        engine = self._engine
        if engine is None:
            raise EngineError("The recogniser is not running: it was not warmed up, or was closed.")
        context = self._config.context_final if final else self._config.context_interim
        return recognise(partial(engine.decode, give_up=give_up), samples, context, retry=final)

    async def aclose(self) -> None:
        self._engine = None  # a call in progress keeps the model until it ends
