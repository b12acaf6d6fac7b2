"""CTranslate2's Whisper with windows shorter than 30 s, which faster-whisper's own `transcribe` does not offer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ctranslate2
import tokenizers
from faster_whisper.tokenizer import Tokenizer

from voicebot.audio import Samples
from voicebot.errors import EngineError
from voicebot.recognition import Hypothesis

from .features import LogMel

__all__ = ["WhisperEngine"]

_TEXT_CONTEXT = 448


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
        _go_on_unless(give_up)
        try:
            # `generate` would do both, to the same result and in the same time.
            encoded = self._model.encode(
                ctranslate2.StorageView.from_array(self._features(samples, positions)[None])
            )
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
        except RuntimeError as error:
            raise EngineError(f"CTranslate2 failed: {error}", retryable=True) from error
        tokens = result.sequences_ids[0]
        return Hypothesis(
            text=self._tokenizer.decode(tokens),
            complete=len(tokens) < max_tokens,
            logprob=result.scores[0],
            no_speech=result.no_speech_prob,
            language=self._language,
        )


def _go_on_unless(give_up: Callable[[], bool]) -> None:
    if give_up():
        raise EngineError("The transcription was given up.")
