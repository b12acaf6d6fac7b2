"""Morse code for voicebot."""

from voicebot_morse.config import MorseConfig
from voicebot_morse.stt import MorseSTT
from voicebot_morse.tts import MorseTTS

__all__ = ["MorseConfig", "MorseSTT", "MorseTTS"]
