"""Text to speech by eSpeak NG, inside the process."""

from voicebot_tts_espeak.config import EspeakConfig
from voicebot_tts_espeak.provider import EspeakTTS

__all__ = ["EspeakConfig", "EspeakTTS"]
