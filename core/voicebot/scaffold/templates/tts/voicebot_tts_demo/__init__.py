"""Rings once per word: the plugin `tts: demo`."""

from voicebot_tts_demo.config import DemoConfig
from voicebot_tts_demo.provider import DemoTTS

__all__ = ["DemoConfig", "DemoTTS"]
