"""Models made on this machine out of others: whisper.cpp's file format out of a CTranslate2 folder."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from voicebot.errors import ModelError

__all__ = ["WHISPER_CONVERTER", "Converter", "load_converter"]

WHISPER_CONVERTER = "voicebot_stt_whispercpp.convert:convert"


class Converter(Protocol):
    """Writes `target` out of the model in `source_dir`; the same input gives the same bytes."""

    def __call__(self, source_dir: Path, target: Path, *, quantize: str) -> None: ...


def load_converter(reference: str) -> Converter:
    """The function named by `module:function`.

    Raises:
        ModelError: it cannot be imported.
    """
    module, _, function = reference.partition(":")
    try:
        return cast(Converter, getattr(import_module(module), function))
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"The converter {reference} cannot be loaded: {error}.",
            hint="Install its engine with: pip install 'voicebot-kit[whispercpp]'",
        ) from error
