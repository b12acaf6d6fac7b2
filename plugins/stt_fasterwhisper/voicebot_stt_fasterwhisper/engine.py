"""CTranslate2's Whisper with windows shorter than 30 s, which faster-whisper's own `transcribe` does not offer."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import ctranslate2
import numpy as np
import numpy.typing as npt
import tokenizers
from faster_whisper.tokenizer import Tokenizer

from voicebot.audio import Samples
from voicebot.errors import EngineError
from voicebot.recognition import FULL_CONTEXT, SAMPLE_RATE, Hypothesis, context_length
from voicebot.wav import read_wav

from .features import LogMel

__all__ = ["WhisperEngine"]

_TEXT_CONTEXT = 448
_LEAST_POSITIONS = 256
"""Encoded of every clip. With less the words of short ones come out less sure."""


class WhisperEngine:
    """A loaded model. `decode` may be called from several threads.

    Args:
        folder: model.bin, config.json, tokenizer.json.
        device, compute_type: as CTranslate2 names them.
        threads: for one call.
        replicas: calls that run at the same time, on the same weights.
        language: primary subtag of BCP 47, as "en".
        initial_prompt: what was said before, or "".

    Raises:
        EngineError: it cannot be loaded, or does not know the language.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str,
        compute_type: str,
        threads: int,
        replicas: int,
        language: str,
        initial_prompt: str,
    ) -> None:
        try:
            self._model = ctranslate2.models.Whisper(
                str(folder),
                device=device,
                compute_type=compute_type,
                intra_threads=threads,
                inter_threads=replicas,
            )
            vocabulary = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # RuntimeError, ValueError, and a bare Exception from tokenizers
            raise EngineError(f"The Whisper model in {folder} cannot be loaded: {error}") from error
        multilingual = self._model.is_multilingual
        if not multilingual and language != "en":
            raise EngineError(
                f"The Whisper model in {folder} knows English only, and the call's language is {language!r}.",
                hint="Use a multilingual model, for example whisper-base-ct2.",
            )
        try:
            self._tokenizer = Tokenizer(vocabulary, multilingual, task="transcribe", language=language)
        except ValueError as error:
            raise EngineError(f"Whisper does not know the language {language!r}.", hint=str(error)) from error
        self._language = language
        self._features = LogMel(self._model.n_mels)
        with as_file(files("voicebot") / "samples" / "question.wav") as path:
            self._other = read_wav(path).samples
        self._behind: dict[int, npt.NDArray[np.float32]] = {}
        self._prompt = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        if initial_prompt.strip():
            before = self._tokenizer.encode(" " + initial_prompt.strip())[-(_TEXT_CONTEXT // 2 - 1) :]
            self._prompt = [self._tokenizer.sot_prev, *before, *self._prompt]

    def decode(
        self, samples: Samples, positions: int, max_tokens: int, give_up: Callable[[], bool] = lambda: False
    ) -> Hypothesis:
        """See `voicebot.recognition.Decode`. `give_up` is asked before the encoder, and between it and the decoder.

        Raises:
            EngineError: CTranslate2 failed, or was told to give up.
        """
        max_tokens = min(max_tokens, _TEXT_CONTEXT // 2, _TEXT_CONTEXT - len(self._prompt))
        needed = positions
        if self._model.device == "cpu" and positions < FULL_CONTEXT:
            needed = context_length(len(samples) / SAMPLE_RATE, _LEAST_POSITIONS)
        try:
            if needed < positions:
                found = self._decode(self._joined(samples, needed, positions, give_up), max_tokens, give_up)
                if found.complete:
                    return found
            _go_on_unless(give_up)
            return self._decode(self._model.encode(self._input(samples, positions)), max_tokens, give_up)
        except RuntimeError as error:
            raise EngineError(f"CTranslate2 failed: {error}", retryable=True) from error

    def _joined(
        self, samples: Samples, needed: int, positions: int, give_up: Callable[[], bool]
    ) -> ctranslate2.StorageView:
        """The encoder's output for a clip and the silence behind it, shape `(1, positions, width)`.

        The decoder loops where it sees little silence behind the speech, but that silence hardly depends on the
        speech: all but the first `needed` positions are taken from the encoding of another clip. That is less than half
        of the work, at no cost in accuracy (the plugin's README has the figures).
        """
        behind = self._behind.get(positions)
        if behind is None:
            behind = np.array(self._model.encode(self._input(self._other, positions)))
            self._behind[positions] = behind
        _go_on_unless(give_up)
        heard = np.asarray(self._model.encode(self._input(samples, needed)))
        return ctranslate2.StorageView.from_array(np.concatenate([heard, behind[:, needed:]], axis=1))

    def _decode(
        self, encoded: ctranslate2.StorageView, max_tokens: int, give_up: Callable[[], bool]
    ) -> Hypothesis:
        _go_on_unless(give_up)
        result = self._model.generate(
            encoded,
            [self._prompt],
            beam_size=1,
            # CTranslate2 writes at most half of max_length, and at most what the prompt leaves of it.
            max_length=max(2 * max_tokens, len(self._prompt) + max_tokens),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]
        return Hypothesis(
            text=self._tokenizer.decode(tokens),
            complete=len(tokens) < max_tokens,
            logprob=result.scores[0],
            no_speech=result.no_speech_prob,
            language=self._language,
        )

    def _input(self, samples: Samples, positions: int) -> ctranslate2.StorageView:
        return ctranslate2.StorageView.from_array(self._features(samples, positions)[None])


def _go_on_unless(give_up: Callable[[], bool]) -> None:
    if give_up():
        raise EngineError("The transcription was given up.")
