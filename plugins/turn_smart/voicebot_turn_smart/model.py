"""The Smart Turn network on onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from voicebot.audio import Samples
from voicebot.errors import EngineError

from .features import BANDS, FRAMES, log_mel

__all__ = ["Run", "SmartTurnModel"]

_INPUT = "input_features"
_HINT = "Name a Smart Turn 3 model in ONNX; `voicebot models pull smart-turn-v3.2` fetches one."


class Run:
    """One run of the network, which another thread can stop."""

    def __init__(self, session: Any, options: Any) -> None:
        self._session = session
        self._options = options

    def __call__(self, audio: Samples) -> float:
        """The probability, 0 to 1, that the speaker has finished their turn.

        Args:
            audio: int16 mono at 16 kHz, the silence after the speech included; its last 8 s count.

        Raises:
            EngineError: the network failed, or was stopped.
        """
        try:
            # The output is called "logits", but the network ends in a sigmoid.
            (output,) = self._session.run(None, {_INPUT: log_mel(audio)[None]}, self._options)
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise EngineError(f"The end-of-turn model failed: {error}") from error
        return float(output[0, 0])

    def stop(self) -> None:
        """Give up at the next node of the network, or before the first."""
        self._options.terminate = True


class SmartTurnModel:
    """The network, ready to run, in several threads at once too.

    Args:
        file: an ONNX file of Smart Turn 3.
        threads: CPU threads of a run, the caller's included.

    Raises:
        EngineError: it is not such a file.
    """

    def __init__(self, file: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin for more work take a core from the recogniser, which runs at the same time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise EngineError(
                f"The end-of-turn model {file} cannot be loaded: {error}", hint=_HINT
            ) from error
        inputs = {value.name: value.shape[1:] for value in session.get_inputs()}
        if inputs != {_INPUT: [BANDS, FRAMES]} or len(session.get_outputs()) != 1:
            found = ", ".join(f"{name} {shape}" for name, shape in inputs.items())
            raise EngineError(
                f"{file} is not Smart Turn 3: it takes {found}, not {_INPUT} [{BANDS}, {FRAMES}].", hint=_HINT
            )
        self._session: Any = session

    def start(self) -> Run:
        """A run, not begun yet."""
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.log_severity_level = 4  # being stopped is no error
        return Run(self._session, options)
