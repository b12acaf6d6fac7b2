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

from .config import WhisperCppConfig

if TYPE_CHECKING:
    from .engine import WhisperCppEngine

__all__ = ["WhisperCppSTT"]


class WhisperCppSTT:
    """Whisper on whisper.cpp."""

    Config: ClassVar[type[BaseModel]] = WhisperCppConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        interim=True,
        sample_rates=(SAMPLE_RATE,),
        licence="MIT",
        modules=("_pywhispercpp",),
        extra="whispercpp",
    )
    max_utterance_s = 30.0

    def __init__(self, config: WhisperCppConfig, context: ProviderContext) -> None:
        self._config = config
        self._context = context
        self._engine: WhisperCppEngine | None = None

    @classmethod
    def required_models(cls, config: WhisperCppConfig) -> Sequence[str]:
        return (config.model,)

    async def warmup(self) -> None:
        """Load the model and transcribe once.

        Raises:
            ModelMissing, EngineError: there is no such model, or it cannot be used for the call's language.
        """
        if self._engine is None:
            self._engine = await asyncio.to_thread(self._load)

    def _load(self) -> WhisperCppEngine:
        from .engine import WhisperCppEngine

        engine = WhisperCppEngine(
            self._context.models.path(self._config.model),
            threads=max(1, min(self._config.threads, self._context.threads)),
            use_gpu=self._config.use_gpu,
            language=self._context.language.partition("-")[0].lower(),
            initial_prompt=self._config.initial_prompt,
        )
        engine.decode(np.zeros(SAMPLE_RATE, np.int16), self._config.context_final, 8)
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
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.close)
