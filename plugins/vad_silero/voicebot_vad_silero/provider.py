from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel

from voicebot.audio import Samples, to_float
from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ProviderContext

from .config import SileroConfig

__all__ = ["SileroStream", "SileroVAD"]

_RATE = 16_000
_WINDOW = 512
_CONTEXT = 64
_INPUTS = {"input", "state", "sr"}


class SileroStream:
    """The network's memory of one microphone.

    Args:
        session: an onnxruntime.InferenceSession.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(_RATE, np.int64)
        self._input = np.zeros((1, _CONTEXT + _WINDOW), np.float32)
        self._state = np.zeros((2, 1, 128), np.float32)

    def process(self, window: Samples) -> float:
        """See `VADStream.process`.

        Raises:
            ValueError: not 512 int16 samples.
        """
        if window.shape != (_WINDOW,) or window.dtype != np.int16:
            raise ValueError(
                f"Silero takes windows of {_WINDOW} int16 samples, not {window.dtype} of shape {window.shape}."
            )
        self._input[0, :_CONTEXT] = self._input[0, -_CONTEXT:]
        self._input[0, _CONTEXT:] = to_float(window)
        probability, self._state = self._session.run(
            None, {"input": self._input, "state": self._state, "sr": self._rate}
        )
        return float(probability[0, 0])

    def reset(self) -> None:
        self._input.fill(0)
        self._state = np.zeros_like(self._state)


class SileroVAD:
    """Silero VAD. All streams share one session, which is safe to run from any thread."""

    Config: ClassVar[type[BaseModel]] = SileroConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True,
        sample_rates=(_RATE,),
        licence="MIT",
        modules=("onnxruntime",),
        extra="silero",
    )
    sample_rate = _RATE
    window_samples = _WINDOW

    def __init__(self, config: SileroConfig, context: ProviderContext) -> None:
        self._config = config
        self._context = context
        self._session: Any = None

    @classmethod
    def required_models(cls, config: SileroConfig) -> Sequence[str]:
        return (config.model,)

    async def warmup(self) -> None:
        """Load the network and run it once.

        Raises:
            ModelMissing, EngineError: there is no such model, or it is not Silero's.
        """
        self._session = await asyncio.to_thread(self._load)

    def _load(self) -> Any:
        import onnxruntime

        file = self._context.models.path(self._config.model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # 0.1 ms of work: threads only cost
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise EngineError(f"The voice-activity model {file} cannot be loaded: {error}") from error
        if (found := {value.name for value in session.get_inputs()}) != _INPUTS:
            raise EngineError(
                f"{file} is not Silero VAD 5 or 6: it has the inputs {', '.join(sorted(found))}, "
                f"not {', '.join(sorted(_INPUTS))}."
            )
        SileroStream(session).process(np.zeros(_WINDOW, np.int16))
        return session

    def start(self) -> SileroStream:
        """A microphone's state.

        Raises:
            EngineError: not warmed up, or closed.
        """
        if self._session is None:
            raise EngineError("Voice activity is not running: it was not warmed up, or was closed.")
        return SileroStream(self._session)

    async def aclose(self) -> None:
        self._session = None
