"""Speech to text with whisper.cpp, and the conversion of CTranslate2 models to its format."""

from .config import WhisperCppConfig
from .provider import WhisperCppSTT

__all__ = ["WhisperCppConfig", "WhisperCppSTT"]
