"""whisper.cpp through pywhispercpp's extension module: its `Model` class hides whether a text ended by itself."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from functools import cache
from math import log as ln
from pathlib import Path
from typing import Any

import _pywhispercpp as pw
import numpy as np

from voicebot.audio import Samples, to_float
from voicebot.errors import EngineError
from voicebot.recognition import SAMPLE_RATE, Hypothesis

__all__ = ["WhisperCppEngine"]

log = logging.getLogger(__name__)

_WARNING, _ERROR = 3, 4  # ggml_log_level
_last_error = threading.local()


@cache
def _quieten() -> None:
    """Send whisper.cpp's messages to the log (level debug) and not to stderr."""

    def write(level: int, message: str) -> None:
        if level == _ERROR:
            _last_error.text = message.strip()
        if level in (_WARNING, _ERROR):
            log.debug("whisper.cpp: %s", message.strip())

    pw.whisper_log_set(write)
    atexit.register(
        pw.whisper_log_set, None
    )  # a Python callback left to C++ static destructors aborts the process


class WhisperCppEngine:
    """A loaded model. Calls of `decode` from several threads run one after the other.

    Args:
        file: in ggml format.
        threads: for one call.
        language: primary subtag of BCP 47, as "en".
        initial_prompt: what was said before, or "".

    Raises:
        EngineError: it cannot be loaded, or does not know the language.
    """

    def __init__(
        self, file: Path, *, threads: int, use_gpu: bool, language: str, initial_prompt: str
    ) -> None:
        _quieten()
        options = pw.whisper_context_default_params()
        options.use_gpu = use_gpu
        _last_error.text = ""
        context = pw.whisper_init_from_file_with_params(str(file), options)
        if (
            _last_error.text
        ):  # the object that we hold is a null pointer then, and whatever touches it crashes
            raise EngineError(f"The Whisper model {file} cannot be loaded: {_last_error.text}")
        self._context: Any = context
        self._lock = threading.Lock()
        self._language = language
        if not pw.whisper_is_multilingual(context) and language != "en":
            self.close()
            raise EngineError(
                f"The Whisper model {file} knows English only, and the call's language is {language!r}.",
                hint="Use a multilingual model, for example whisper-base-ggml-q8_0.",
            )
        if pw.whisper_lang_id(language) < 0:
            self.close()
            raise EngineError(f"Whisper does not know the language {language!r}.")
        params = pw.whisper_full_default_params(pw.whisper_sampling_strategy.WHISPER_SAMPLING_GREEDY)
        params.greedy = {"best_of": 1}
        params.n_threads = threads
        params.language = language
        params.initial_prompt = initial_prompt.strip()
        params.no_context = params.no_timestamps = params.single_segment = True
        params.print_progress = params.print_realtime = params.print_timestamps = False
        params.suppress_nst = True
        params.temperature_inc = 0.0  # no second try at a higher temperature: we decide on that
        self._params = params

    def decode(
        self, samples: Samples, positions: int, max_tokens: int, give_up: Callable[[], bool] = lambda: False
    ) -> Hypothesis:
        """See `voicebot.recognition.Decode`. `give_up` is asked between the steps of the computation.

        Raises:
            EngineError: whisper.cpp failed, was told to give up, or is closed.
        """
        # A second at least: it refuses clips of less than 100 ms.
        audio = np.zeros(max(len(samples), SAMPLE_RATE), np.float32)
        audio[: len(samples)] = to_float(samples)
        with self._lock:
            if give_up() or self._context is None:
                raise EngineError("The transcription was given up.")
            self._params.audio_ctx = positions
            self._params.max_tokens = max_tokens
            pw.assign_abort_callback(self._params, give_up)
            try:
                status = pw.whisper_full(self._context, self._params, audio, audio.size)
            finally:
                pw.clear_abort_callback(self._params)
            if status:
                raise EngineError(f"whisper.cpp failed with status {status}.", retryable=True)
            return self._result()

    def _result(self) -> Hypothesis:
        context = self._context
        if not pw.whisper_full_n_segments(context):
            return Hypothesis("", language=self._language)  # it found no speech
        count = pw.whisper_full_n_tokens(context, 0)
        chances = [pw.whisper_full_get_token_p(context, 0, index) for index in range(count)]
        last = pw.whisper_full_get_token_id(context, 0, count - 1) if count else None
        return Hypothesis(
            text=pw.whisper_full_get_segment_text(context, 0).decode("utf-8", errors="replace"),
            complete=last == pw.whisper_token_eot(context),
            logprob=sum(ln(max(chance, 1e-9)) for chance in chances) / count if count else None,
            language=self._language,
        )

    def close(self) -> None:
        """Free the model, after a call in progress; twice is fine."""
        with self._lock:
            if self._context is not None:
                pw.whisper_free(self._context)
                self._context = None
