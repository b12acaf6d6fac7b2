"""Text to speech by Piper's neural voices, inside the process."""

from voicebot_tts_piper.config import PiperConfig
from voicebot_tts_piper.provider import PiperTTS

__all__ = ["PiperConfig", "PiperTTS"]
