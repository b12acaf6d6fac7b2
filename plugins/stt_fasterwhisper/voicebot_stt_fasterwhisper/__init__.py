"""Speech to text with Whisper on CTranslate2, called directly and with a short encoder context."""

from .config import FasterWhisperConfig
from .provider import FasterWhisperSTT

__all__ = ["FasterWhisperConfig", "FasterWhisperSTT"]
