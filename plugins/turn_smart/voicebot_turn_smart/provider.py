from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel

from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ProviderContext, TurnContext, TurnVerdict
from voicebot.language.endings import ending

from .config import SmartConfig
from .model import SmartTurnModel
from .policy import judge

__all__ = ["SmartTurn"]


class SmartTurn:
    """Tells from the sound of the last eight seconds whether the speaker has finished."""

    Config: ClassVar[type[BaseModel]] = SmartConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        sample_rates=(16_000,), licence="BSD-2-Clause", modules=("onnxruntime",), extra="smart"
    )

    def __init__(self, config: SmartConfig, context: ProviderContext) -> None:
        self._config = config
        self._context = context
        self._model: SmartTurnModel | None = None

    @classmethod
    def required_models(cls, config: SmartConfig) -> Sequence[str]:
        return (config.model,)

    async def warmup(self) -> None:
        """Load the network and run it once.

        Raises:
            ModelMissing, EngineError: there is no such model, or it is not Smart Turn 3.
        """
        self._model = await asyncio.to_thread(self._load)

    def _load(self) -> SmartTurnModel:
        file = self._context.models.path(self._config.model)
        model = SmartTurnModel(file, max(1, min(self._config.threads, self._context.threads)))
        model.start()(np.zeros(16_000, np.int16))
        return model

    async def predict(self, context: TurnContext) -> TurnVerdict:
        """See `EndOfTurn.predict`: one run of the network, in a thread.

        Raises:
            EngineError: not warmed up, closed, or the network failed.
        """
        if self._model is None:
            raise EngineError("The end-of-turn model is not running: it was not warmed up, or was closed.")
        run = self._model.start()
        try:
            probability = await asyncio.to_thread(run, context.audio)
        except asyncio.CancelledError:
            run.stop()
            raise
        return judge(probability, ending(context.text, self._context.language), self._config)

    async def aclose(self) -> None:
        self._model = None  # a run in progress keeps the network until it ends
